//! Templates on disk: each encrypted by itself, so that one that is damaged or was made under another key
//! costs only itself.
//!
//! XChaCha20-Poly1305 with a random nonce; recipient and model are authenticated with it, so a template
//! cannot be given to somebody else by moving bytes. In the clear stand the recipient's pseudonym, the
//! model's name and the nonce.
//!
//! What erasing does not do: the encrypted bytes of an erased template stay in a free part of sled's file until
//! that is used again. Nobody reads them without the key; whoever takes a cabinet out of use deletes the key.

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, AeadCore, OsRng, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sled::{Batch, Tree};
use zeroize::Zeroizing;

use super::disk::{Disk, DiskFault, guarded};
use super::key;
use crate::core::ids::{ModelId, RecipientId};
use crate::ports::{Template, TemplateFault, TemplateStore};

const FOLDER: &str = "templates";
const KEY_FILE: &str = "gallery.key";
const NONCE_BYTES: usize = 24;

/// First byte of a stored template, and part of what is authenticated.
const VERSION: u8 = 1;

/// The templates of a cabinet.
pub struct TemplateVault {
    path: PathBuf,
    disk: Disk,
    templates: Tree,
    cipher: XChaCha20Poly1305,
}

impl TemplateVault {
    /// Opens the templates in a state folder, or begins with none and a new key.
    pub fn open(state_dir: &Path) -> Result<Self, TemplateFault> {
        let path = state_dir.join(FOLDER);
        let fault = |problem| TemplateFault { path: path.display().to_string(), problem };
        let disk = Disk::open_or_create(&path).map_err(|DiskFault(problem)| fault(problem))?;
        let templates = disk.tree("templates").map_err(|DiskFault(problem)| fault(problem))?;
        let key = key::read_or_make(&state_dir.join(KEY_FILE)).map_err(fault)?;
        // The cipher wipes its own copy of the key when it is dropped.
        let cipher = XChaCha20Poly1305::new(key.as_ref().into());
        Ok(Self { path, disk, templates, cipher })
    }

    fn fault(&self, DiskFault(problem): DiskFault) -> TemplateFault {
        TemplateFault { path: self.path.display().to_string(), problem }
    }

    /// `None` if it was made under another key, is damaged, or of a form this program does not know.
    fn decrypt(&self, key: &[u8], value: &[u8]) -> Option<(RecipientId, Template)> {
        let (recipient, nonce) = key.split_at_checked(key.len().checked_sub(NONCE_BYTES)?)?;
        let recipient = text(recipient.strip_suffix(&[SEPARATOR])?, RecipientId::new)?;
        let (&length, value) = value.strip_prefix(&[VERSION])?.split_first()?;
        let (model, sealed) = value.split_at_checked(usize::from(length))?;
        let model = text(model, ModelId::new)?;
        let aad = authenticated(&recipient, &model);
        let payload = Payload { msg: sealed, aad: &aad };
        let opened = self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        let vector = numbers(&Zeroizing::new(opened))?;
        Some((recipient, Template { model, vector }))
    }
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
        let value = [&[VERSION, length], model, &sealed].concat();
        let mut batch = Batch::default();
        batch.insert(key, value);
        self.disk.commit(&self.templates, batch).map_err(|fault| self.fault(fault))
    }

    fn all(&self) -> Result<(Vec<(RecipientId, Template)>, usize), TemplateFault> {
        let mut readable = Vec::new();
        let mut unreadable = 0;
        let mut stored = self.templates.iter();
        while let Some((key, value)) =
            guarded("read", || stored.next().transpose()).map_err(|fault| self.fault(fault))?
        {
            match self.decrypt(&key, &value) {
                Some(found) => readable.push(found),
                None => unreadable += 1,
            }
        }
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
