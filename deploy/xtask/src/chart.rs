//! What of the chart is generated: the custom resource definitions as templates, the operator's
//! rights, and the table of values in its README.

mod rules;
mod values;

use std::fs;

use anyhow::{Context as _, bail};

use crate::generated::{Generated, top};

/// Where the chart lies, below the top level.
pub(crate) const FOLDER: &str = "charts/seon";
/// Everything below it in the README is generated.
const TABLE: &str = "## Values\n";

/// A definition as a template: not without `crds.enabled`, and kept with `crds.keep`.
pub(crate) fn definition(plural: &str, manifest: &str) -> anyhow::Result<Generated> {
    if manifest.contains("{{") {
        bail!("the definition of {plural} has {{{{, which the chart would take for a template");
    }
    let Some((head, body)) = manifest.split_once("\nmetadata:\n") else {
        bail!("the definition of {plural} has no metadata");
    };
    let text = format!(
        "{{{{- if .Values.crds.enabled }}}}\n{head}\nmetadata:\n  labels:\n    \
         {{{{- include \"seon.labels\" . | nindent 4 }}}}\n  {{{{- if .Values.crds.keep }}}}\n  \
         annotations:\n    helm.sh/resource-policy: keep\n  {{{{- end }}}}\n{body}{{{{- end }}}}\n"
    );
    Ok(Generated::new(format!("{FOLDER}/templates/crds/{plural}.yaml"), text))
}

/// What the operator may do.
pub(crate) fn rules() -> Generated {
    Generated::new(format!("{FOLDER}/templates/_rules.tpl"), rules::template())
}

/// The README: its own words, then the table of values.
pub(crate) fn readme() -> anyhow::Result<Generated> {
    let path = format!("{FOLDER}/README.md");
    let read = |path: &str| {
        fs::read_to_string(top().join(path)).with_context(|| format!("reading {path}"))
    };
    let readme = read(&path)?;
    let Some((words, _)) = readme.split_once(TABLE) else {
        bail!("{path}: has no heading \"{}\"", TABLE.trim_end());
    };
    let table = values::table(&read(&format!("{FOLDER}/values.yaml"))?)?;
    let text = format!(
        "{words}{TABLE}\n<!-- Made by `cargo xtask generate` from values.yaml; do not edit. -->\n\n\
         {table}"
    );
    Ok(Generated::new(path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_itself_between_the_chart_s_conditions() {
        let manifest = "kind: CustomResourceDefinition\nmetadata:\n  name: x\nspec: {}\n";
        let template = definition("x", manifest).unwrap();
        assert_eq!(
            template.text,
            "{{- if .Values.crds.enabled }}\nkind: CustomResourceDefinition\nmetadata:\n  \
             labels:\n    {{- include \"seon.labels\" . | nindent 4 }}\n  \
             {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  \
             {{- end }}\n  name: x\nspec: {}\n{{- end }}\n"
        );
    }

    #[test]
    fn a_definition_that_helm_would_rewrite_is_refused() {
        assert!(definition("x", "kind: X\nmetadata:\n  name: '{{ x }}'\n").is_err());
    }
}
