//! SeonInstance on Kubernetes: dereference, validate, plan, apply, status.

pub mod rbac;
