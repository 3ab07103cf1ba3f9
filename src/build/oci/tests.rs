use super::*;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::os::unix::fs::{PermissionsExt, symlink};

fn folder(root: &Path, backwards: bool) {
    let mut files = [("bin/tool", "#!/bin/sh\n"), ("etc/a file\nof two lines", "x"), ("zz", "1")];
    if backwards {
        files.reverse();
    }
    for (name, text) in files {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), text).unwrap();
    }
    fs::set_permissions(root.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("bin/tool", root.join("link")).unwrap();
    let deep = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    fs::create_dir_all(root.join(&deep)).unwrap();
    fs::write(root.join(&deep).join("long"), "long").unwrap();
}

fn config() -> ImageConfig {
    ImageConfig {
        user: "1000:1000".into(),
        env: BTreeMap::from([("PATH".into(), "/usr/bin".into()), ("A".into(), "1".into())]),
        command: ["sh", "-c", "exec app"].map(String::from).to_vec(),
        working_dir: "/app".into(),
        port: Some(8080),
        labels: BTreeMap::from([("org.xii.build".into(), "0123".into())]),
    }
}

fn image(dir: &Path, backwards: bool) -> Digest {
    let layers: Vec<Layer> = [("root", "/"), ("app", "/opt/app")]
        .map(|(name, target)| {
            let source = dir.join(name);
            folder(&source, backwards);
            Layer { source, target: target.into(), note: format!("the {name}") }
        })
        .to_vec();
    export(&layers, &config(), &BTreeMap::new(), &dir.join("image")).unwrap()
}

fn blob(dir: &Path, name: &Value) -> Vec<u8> {
    let digest = name.as_str().unwrap().strip_prefix("sha256:").unwrap();
    let bytes = fs::read(dir.join("image/blobs/sha256").join(digest)).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), digest, "a blob is named by its content");
    bytes
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_same_files_give_the_same_image_whoever_made_them_and_when() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let digest = image(one.path(), false);
    assert_eq!(digest, image(other.path(), true));
    fs::write(other.path().join("app/zz"), "2").unwrap();
    fs::remove_dir_all(other.path().join("image")).unwrap();
    for name in ["root/link", "app/link"] {
        fs::remove_file(other.path().join(name)).unwrap();
    }
    assert_eq!(digest, image(other.path(), false), "written again as it was");
    fs::set_permissions(one.path().join("app/zz"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_dir_all(one.path().join("image")).unwrap();
    for name in ["root/link", "app/link"] {
        fs::remove_file(one.path().join(name)).unwrap();
    }
    assert_ne!(digest, image(one.path(), false), "a mode is part of it");
}

#[test]
fn every_document_names_the_next_by_digest_and_size() {
    let dir = tempfile::tempdir().unwrap();
    let digest = image(dir.path(), false);
    let layout = document(&fs::read(dir.path().join("image/oci-layout")).unwrap());
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");
    let index = document(&fs::read(dir.path().join("image/index.json")).unwrap());
    assert_eq!(index["manifests"][0]["digest"], format!("sha256:{digest}"));
    let manifest = blob(dir.path(), &index["manifests"][0]["digest"]);
    assert_eq!(index["manifests"][0]["size"], manifest.len());
    let manifest = document(&manifest);
    let config = blob(dir.path(), &manifest["config"]["digest"]);
    assert_eq!(manifest["config"]["size"], config.len());
    let config = document(&config);
    assert_eq!(config["config"]["Cmd"], serde_json::json!(["sh", "-c", "exec app"]));
    assert_eq!(config["config"]["Env"], serde_json::json!(["A=1", "PATH=/usr/bin"]));
    assert_eq!(config["config"]["ExposedPorts"], serde_json::json!({"8080/tcp": {}}));
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
    for (index, layer) in manifest["layers"].as_array().unwrap().iter().enumerate() {
        let packed = blob(dir.path(), &layer["digest"]);
        assert_eq!(layer["size"], packed.len());
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut GzDecoder::new(&packed[..]), &mut plain).unwrap();
        let diff = config["rootfs"]["diff_ids"][index].as_str().unwrap();
        assert_eq!(diff, format!("sha256:{}", Digest::of(&plain)));
    }
}

#[test]
fn a_layer_lies_at_its_target_and_belongs_to_root() {
    let dir = tempfile::tempdir().unwrap();
    folder(&dir.path().join("app"), false);
    let mut packed = Vec::new();
    layer::tar(&dir.path().join("app"), Path::new("/opt/app"), &mut packed).unwrap();
    let mut archive = ::tar::Archive::new(&packed[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 0);
        (entry.path().unwrap().display().to_string(), header.mode().unwrap())
    });
    let entries: Vec<(String, u32)> = entries.collect();
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["opt/", "opt/app/", "opt/app/bin/", "opt/app/bin/tool"]);
    assert!(names.iter().any(|name| name.ends_with("/long")), "{names:?}");
    assert!(names.contains(&"opt/app/etc/a file\nof two lines"));
    assert_eq!(entries[3].1, 0o755);
}

#[test]
fn an_export_is_a_tar_of_its_layout_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
    folder(&dir.path().join("root"), false);
    let source = dir.path().join("root");
    let layers = [Layer { source, target: "/".into(), note: String::new() }];
    let exported = Exported::make(&home, &layers, &config(), &BTreeMap::new()).unwrap();
    let mut tar = Vec::new();
    exported.write_tar(&mut tar).unwrap();
    assert!(exported.size().unwrap() > 0);
    let names: Vec<String> = ::tar::Archive::new(&tar[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(names[..2], ["blobs/", "blobs/sha256/"]);
    assert_eq!(names[names.len() - 2..], ["index.json", "oci-layout"]);
    drop(exported);
    assert_eq!(fs::read_dir(home.tmp()).unwrap().count(), 0);
}
