//! Who is at the other end of the socket, by the kernel's word.

use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::sockopt::socket_peercred;

use crate::core::ids::OperatorId;
use crate::files::read_at_most;

/// More than any list of this machine's users, in bytes.
const LARGEST_USER_LIST: usize = 4 << 20;
const ROOT: u32 = 0;

/// The user of the process at the other end, as [`operator_of`] names them.
pub(super) fn operator_at(stream: &UnixStream, sudo_user: Option<&str>) -> Option<OperatorId> {
    let peer = socket_peercred(stream).ok()?;
    Some(operator_of(peer.uid.as_raw(), sudo_user))
}

/// The user whom this process works for.
pub fn local_user() -> OperatorId {
    operator_of(rustix::process::geteuid().as_raw(), std::env::var("SUDO_USER").ok().as_deref())
}

/// The operator's name on the record: the user's, `sudo:` and the caller's for root on somebody's behalf, or the bare
/// number for a user without a name that may stand there.
pub fn operator_of(uid: u32, sudo_user: Option<&str>) -> OperatorId {
    let list = read_at_most(Path::new("/etc/passwd"), LARGEST_USER_LIST).unwrap_or_default();
    named(uid, sudo_user, &String::from_utf8_lossy(&list))
}

fn named(uid: u32, sudo_user: Option<&str>, list: &str) -> OperatorId {
    let caller = sudo_user.filter(|_| uid == ROOT).map(|user| format!("sudo:{user}"));
    let caller = caller.and_then(|name| OperatorId::new(name).ok());
    let user = || OperatorId::new(name_in(list, uid)?).ok();
    caller.or_else(user).unwrap_or_else(|| {
        OperatorId::new(format!("uid-{uid}")).expect("a word and a number are a lawful name")
    })
}

/// The name of a user in a list of the form of `/etc/passwd`.
fn name_in(list: &str, uid: u32) -> Option<&str> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/root:/bin/bash\nli:x:1000:1000::/home/li:/bin/sh\n\
                        bad name:x:1001:1001::/:/bin/sh\nbroken\n";

    #[test]
    fn the_user_is_named_as_the_system_names_them() {
        assert_eq!(named(1000, None, LIST).as_str(), "li");
        assert_eq!(named(0, None, LIST).as_str(), "root");
    }

    #[test]
    fn a_user_without_a_usable_name_is_a_number() {
        assert_eq!(named(4242, None, LIST).as_str(), "uid-4242");
        assert_eq!(named(1001, None, LIST).as_str(), "uid-1001");
    }

    #[test]
    fn only_root_may_speak_for_somebody_else() {
        assert_eq!(named(0, Some("li"), LIST).as_str(), "sudo:li");
        assert_eq!(named(1000, Some("root"), LIST).as_str(), "li");
        assert_eq!(named(0, Some("no such name\n"), LIST).as_str(), "root");
    }
}
