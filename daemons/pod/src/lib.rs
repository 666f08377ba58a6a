//! What a daemon says about itself on its own Kubernetes pod.
