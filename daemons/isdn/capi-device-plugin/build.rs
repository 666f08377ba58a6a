//! Generates both sides of the kubelet's two services; the messages are in `src/api.rs`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let registration = Service::builder()
        .name("Registration")
        .package("v1beta1")
        .method(method("register", "Register", "RegisterRequest", "Empty").build())
        .build();
    let list = method("list_and_watch", "ListAndWatch", "Empty", "ListAndWatchResponse");
    let plugin = Service::builder()
        .name("DevicePlugin")
        .package("v1beta1")
        .method(method("options", "GetDevicePluginOptions", "Empty", "DevicePluginOptions").build())
        .method(list.server_streaming().build())
        .method(method("allocate", "Allocate", "AllocateRequest", "AllocateResponse").build())
        .build();
    Builder::new().compile(&[registration, plugin]);
    println!("cargo::rerun-if-changed=build.rs");
}

fn method(
    name: &str,
    route: &str,
    input: &str,
    output: &str,
) -> tonic_build::manual::MethodBuilder {
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type(format!("crate::api::{input}"))
        .output_type(format!("crate::api::{output}"))
        .codec_path("tonic_prost::ProstCodec")
}
