//! Templates on disk: each encrypted by itself, so that one that is damaged or was made under another key
//! costs only itself.
//!
//! XChaCha20-Poly1305 with a random nonce; recipient and model are authenticated with it, so a template
//! cannot be given to somebody else by moving bytes. In the clear stand the recipient's pseudonym, the
//! model's name and the nonce.
//!
//! What erasing does not do: the encrypted bytes of an erased template stay in a free part of sled's file until
//! that is used again. Nobody reads them without the key, and [`TemplateVault::rotate_key`] deletes the key.

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, AeadCore, OsRng, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sled::{Batch, Tree};
use zeroize::Zeroizing;

use super::disk::{Disk, DiskFault, guarded};
use super::key::{GalleryKey, KeyRing};
use crate::core::ids::{ModelId, RecipientId};
use crate::ports::{Template, TemplateFault, TemplateStore};

const FOLDER: &str = "templates";
const NONCE_BYTES: usize = 24;

/// First byte of a stored template, and part of what is authenticated.
const VERSION: u8 = 1;

/// The templates of a cabinet.
pub struct TemplateVault {
    path: PathBuf,
    disk: Disk,
    templates: Tree,
    keys: KeyRing,
    cipher: XChaCha20Poly1305,
}

impl TemplateVault {
    /// Opens the templates in a state folder, or begins with none and a new key. A key among the service manager's
    /// `credentials` is used instead of the folder's own. Templates under the key before, if there is one, are
    /// encrypted anew.
    pub fn open(state_dir: &Path, credentials: Option<&Path>) -> Result<Self, TemplateFault> {
        let path = state_dir.join(FOLDER);
        let fault = |problem| TemplateFault { path: path.display().to_string(), problem };
        let disk = Disk::open_or_create(&path).map_err(|DiskFault(problem)| fault(problem))?;
        let templates = disk.tree("templates").map_err(|DiskFault(problem)| fault(problem))?;
        let ring = KeyRing::find(state_dir, credentials);
        let keys = ring.keys().map_err(fault)?;
        let cipher = cipher_of(&keys.current);
        let mut vault = Self { path, disk, templates, keys: ring, cipher };
        if let Some(old) = keys.old {
            vault.reseal(&cipher_of(&old))?;
        }
        Ok(vault)
    }

    /// Encrypts every template under a new key and deletes the old one; gives how many there are. What erased
    /// templates left in the file is then unreadable for ever.
    pub fn rotate_key(&mut self) -> Result<usize, TemplateFault> {
        self.keys.begin_rotation().map_err(|problem| self.fault(DiskFault(problem)))?;
        let keys = self.keys.keys().map_err(|problem| self.fault(DiskFault(problem)))?;
        let old = std::mem::replace(&mut self.cipher, cipher_of(&keys.current));
        self.reseal(&old)
    }

    /// Encrypts anew what another cipher opens, all at once, then lets go of its key.
    fn reseal(&mut self, old: &XChaCha20Poly1305) -> Result<usize, TemplateFault> {
        let mut batch = Batch::default();
        let mut resealed = 0;
        for (key, value) in self.stored()? {
            if let Some((recipient, template)) = decrypt(old, &key, &value) {
                let (new_key, new_value) = self.encrypt(&recipient, &template)?;
                batch.remove(key);
                batch.insert(new_key, new_value);
                resealed += 1;
            }
        }
        self.disk.commit(&self.templates, batch).map_err(|fault| self.fault(fault))?;
        self.keys.end_rotation().map_err(|problem| self.fault(DiskFault(problem)))?;
        Ok(resealed)
    }

    fn stored(&self) -> Result<Vec<(sled::IVec, sled::IVec)>, TemplateFault> {
        let stored = guarded("read", || self.templates.iter().collect());
        stored.map_err(|fault| self.fault(fault))
    }

    /// The key and the value under which a template is stored.
    fn encrypt(
        &self,
        recipient: &RecipientId,
        template: &Template,
    ) -> Result<(Vec<u8>, Vec<u8>), TemplateFault> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let plain = bytes(&template.vector);
        let aad = authenticated(recipient, &template.model);
        let sealed = self.cipher.encrypt(&nonce, Payload { msg: &plain, aad: &aad });
        let sealed = sealed.map_err(|_| {
            self.fault(DiskFault(
                "a template is too long to be encrypted; check the model".to_owned(),
            ))
        })?;
        let model = template.model.as_str().as_bytes();
        let length = u8::try_from(model.len()).expect("an identifier has at most 64 characters");
        let mut key = prefix(recipient);
        key.extend(nonce);
        Ok((key, [&[VERSION, length], model, &sealed].concat()))
    }

    fn fault(&self, DiskFault(problem): DiskFault) -> TemplateFault {
        TemplateFault { path: self.path.display().to_string(), problem }
    }
}

/// The cipher wipes its own copy of the key when it is dropped.
fn cipher_of(key: &GalleryKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_ref().into())
}

/// `None` if it was made under another key, is damaged, or of a form this program does not know.
fn decrypt(
    cipher: &XChaCha20Poly1305,
    key: &[u8],
    value: &[u8],
) -> Option<(RecipientId, Template)> {
    let (recipient, nonce) = key.split_at_checked(key.len().checked_sub(NONCE_BYTES)?)?;
    let recipient = text(recipient.strip_suffix(&[SEPARATOR])?, RecipientId::new)?;
    let (&length, value) = value.strip_prefix(&[VERSION])?.split_first()?;
    let (model, sealed) = value.split_at_checked(usize::from(length))?;
    let model = text(model, ModelId::new)?;
    let aad = authenticated(&recipient, &model);
    let payload = Payload { msg: sealed, aad: &aad };
    let opened = cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
    let vector = numbers(&Zeroizing::new(opened))?;
    Some((recipient, Template { model, vector }))
}

/// Ends the recipient in a key; no identifier contains it.
const SEPARATOR: u8 = 0;

fn prefix(recipient: &RecipientId) -> Vec<u8> {
    let mut key = recipient.as_str().as_bytes().to_vec();
    key.push(SEPARATOR);
    key
}

fn authenticated(recipient: &RecipientId, model: &ModelId) -> Vec<u8> {
    let mut aad = vec![VERSION];
    aad.extend(prefix(recipient));
    aad.extend(model.as_str().as_bytes());
    aad
}

fn text<T, E>(bytes: &[u8], parse: impl FnOnce(String) -> Result<T, E>) -> Option<T> {
    parse(String::from_utf8(bytes.to_vec()).ok()?).ok()
}

fn bytes(vector: &[f32]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(size_of_val(vector)));
    vector.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    bytes
}

fn numbers(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<{ size_of::<f32>() }>();
    rest.is_empty().then(|| numbers.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

impl TemplateStore for TemplateVault {
    fn put(&mut self, recipient: &RecipientId, template: &Template) -> Result<(), TemplateFault> {
        let (key, value) = self.encrypt(recipient, template)?;
        let mut batch = Batch::default();
        batch.insert(key, value);
        self.disk.commit(&self.templates, batch).map_err(|fault| self.fault(fault))
    }

    fn all(&self) -> Result<(Vec<(RecipientId, Template)>, usize), TemplateFault> {
        let stored = self.stored()?;
        let opened = stored.iter().filter_map(|(key, value)| decrypt(&self.cipher, key, value));
        let readable: Vec<_> = opened.collect();
        let unreadable = stored.len() - readable.len();
        Ok((readable, unreadable))
    }

    fn erase(&mut self, recipient: &RecipientId) -> Result<(), TemplateFault> {
        let mut batch = Batch::default();
        let mut stored = self.templates.scan_prefix(prefix(recipient));
        while let Some((key, _)) =
            guarded("read", || stored.next().transpose()).map_err(|fault| self.fault(fault))?
        {
            batch.remove(key);
        }
        self.disk.commit(&self.templates, batch).map_err(|fault| self.fault(fault))
    }
}
