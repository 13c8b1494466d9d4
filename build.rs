//! Compiles `openapi.yaml` into the typed client. Writes to `OUT_DIR` only.

#[path = "build/call.rs"]
mod call;
#[path = "build/decode.rs"]
mod decode;
#[path = "build/document.rs"]
mod document;
#[path = "build/emit.rs"]
mod emit;
#[path = "build/example.rs"]
mod example;
#[path = "build/generate.rs"]
mod generate;
#[path = "build/lower.rs"]
mod lower;
#[path = "build/model.rs"]
mod model;
#[path = "build/request.rs"]
mod request;
#[path = "build/surface.rs"]
mod surface;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proc_macro2::TokenStream;

use document::{Fault, Result};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=openapi.yaml");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    match run() {
        Ok(()) => {
            // The tests run this program on broken specs.
            if let Ok(this) = std::env::current_exe() {
                println!("cargo::rustc-env=OPUSCLIP_BUILD_SCRIPT={}", this.display());
            }
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("cargo::error={}", fault.to_string().replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let spec = document::load(&folder("CARGO_MANIFEST_DIR")?.join("openapi.yaml"))?;
    let out = folder("OUT_DIR")?;
    let model = model::Model::read(&spec)?;
    let lowered = lower::lower(&spec, &model)?;
    let api = generate::generate(&spec, &model, &lowered)?;
    write(&out, "types.rs", emit::types(&model))?;
    write(&out, "operations.rs", emit::table(&model))?;
    let calls = write(&out, "calls.rs", emit::calls(&spec, &model, &lowered, &api)?)?;
    write(&out, "dispatch.rs", emit::dispatcher(&spec, &model, &lowered, &api)?)?;
    save(&out, "surface.txt", &surface::surface(&model, &lowered, &api, &calls))?;
    save(&out, "api.rs", &prettyplease::unparse(&api))
}

fn folder(variable: &str) -> Result<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).ok_or_else(|| Fault::new(variable, "is not set; run this through cargo"))
}

fn write(out: &Path, name: &str, tokens: TokenStream) -> Result<syn::File> {
    let file = syn::parse2(tokens).map_err(|error| Fault::new(name, format!("what was generated is not Rust: {error}")))?;
    save(out, name, &prettyplease::unparse(&file))?;
    Ok(file)
}

fn save(out: &Path, name: &str, code: &str) -> Result<()> {
    let path = out.join(name);
    std::fs::write(&path, code).map_err(|error| Fault::new(path.display().to_string(), error.to_string()))
}
