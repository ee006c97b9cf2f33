//! Writes the CRD manifests and JSON schemas: `crdgen FOLDER`.
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: crdgen FOLDER")?);
    std::fs::create_dir_all(folder.join("schemas"))?;
    for crd in trunkline_crds::definitions() {
        let plural = &crd.spec.names.plural;
        std::fs::write(
            folder.join(format!("{plural}.yaml")),
            serde_yaml::to_string(&crd)?,
        )?;
        for version in &crd.spec.versions {
            if let Some(schema) = version
                .schema
                .as_ref()
                .and_then(|s| s.open_api_v3_schema.as_ref())
            {
                let name = format!(
                    "{}_{}.json",
                    crd.spec.names.kind.to_lowercase(),
                    version.name
                );
                std::fs::write(
                    folder.join("schemas").join(name),
                    serde_json::to_string_pretty(schema)? + "\n",
                )?;
            }
        }
    }
    Ok(())
}
