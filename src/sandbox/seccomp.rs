//! The system calls no app needs and every escape wants. A list of refusals, not of
//! permissions: apps bring their own runtimes, and a missing permission would look to them
//! like a broken kernel.

use super::step::{Result, StepError, at};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};
use std::collections::BTreeMap;

const REFUSED: &[i64] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    OPEN_TREE_ATTR,
    libc::SYS_syslog,
    libc::SYS_open_by_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lookup_dcookie,
];

/// Younger than the list of the libc crate; the same on every architecture.
const OPEN_TREE_ATTR: i64 = 467;

/// Any other kind only has the kernel load a module that few have ever looked at.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
const PROTOCOLS: [i32; 6] = [
    0,
    libc::IPPROTO_TCP,
    libc::IPPROTO_UDP,
    libc::IPPROTO_ICMP,
    libc::IPPROTO_ICMPV6,
    libc::IPPROTO_MPTCP,
];
/// Which addresses and routes there are, and which devices come and go.
const NETLINKS: [i32; 2] = [libc::NETLINK_ROUTE, libc::NETLINK_KOBJECT_UEVENT];

/// Flags of clone that make a namespace. CLONE_NEWTIME shares its bit with the exit signal
/// and means nothing to clone.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// What personality(2) may still be asked: the default, no address randomisation (debuggers,
/// some runtimes), and the question itself.
const PERSONALITIES: [u64; 3] = [0, 0x0004_0000, 0xffff_ffff];

/// Builds the program. It is installed as the last step, for it refuses the earlier ones.
pub fn program() -> Result<BpfProgram> {
    compile().map_err(|error| StepError::new("build the seccomp filter", error.to_string()))
}

pub fn install(program: &BpfProgram) -> Result<()> {
    let installed = seccompiler::apply_filter(program);
    at(installed.map_err(std::io::Error::other), || "install the seccomp filter")
}

fn compile() -> std::result::Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|number| (*number, Vec::new())).collect();
    let mut clone = Vec::new();
    for flag in NAMESPACES {
        let flag = flag as u32 as u64;
        clone.push(rule(vec![condition(0, SeccompCmpOp::MaskedEq(flag), flag)?])?);
    }
    rules.insert(libc::SYS_clone, clone);
    let others = PERSONALITIES.map(|allowed| condition(0, SeccompCmpOp::Ne, allowed));
    let others = others.into_iter().collect::<std::result::Result<_, _>>()?;
    rules.insert(libc::SYS_personality, vec![rule(others)?]);
    let mut ioctl = Vec::new();
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        ioctl.push(rule(vec![condition(1, SeccompCmpOp::Eq, request)?])?);
    }
    rules.insert(libc::SYS_ioctl, ioctl);
    rules.insert(libc::SYS_socket, sockets()?);
    rules.insert(libc::SYS_socketpair, vec![rule(none_of(0, &FAMILIES)?)?]);
    // The limits of another process; without root its keeper is the same user.
    rules.insert(libc::SYS_prlimit64, vec![rule(none_of(0, &[0])?)?]);
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(preamble().into_iter().chain(program).collect())
}

fn sockets() -> std::result::Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let family = |family| condition(0, SeccompCmpOp::Eq, family as u64);
    let of = |kind, protocols: &[i32]| {
        let others = none_of(2, protocols)?;
        rule(std::iter::once(family(kind)?).chain(others).collect())
    };
    Ok(vec![
        rule(none_of(0, &FAMILIES)?)?,
        of(libc::AF_INET, &PROTOCOLS)?,
        of(libc::AF_INET6, &PROTOCOLS)?,
        of(libc::AF_NETLINK, &NETLINKS)?,
    ])
}

/// Holds when the argument is none of these.
fn none_of(
    argument: u8,
    values: &[i32],
) -> std::result::Result<Vec<SeccompCondition>, seccompiler::BackendError> {
    let each = |value: &i32| condition(argument, SeccompCmpOp::Ne, *value as u32 as u64);
    values.iter().map(each).collect()
}

fn condition(
    argument: u8,
    op: SeccompCmpOp,
    value: u64,
) -> std::result::Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)
}

fn rule(
    conditions: Vec<SeccompCondition>,
) -> std::result::Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(conditions)
}

/// Two rules the compiler cannot express: x32 numbers (which pass for x86-64 by their
/// architecture) do not exist, and neither does clone3, whose flags are behind a pointer:
/// libc falls back to clone.
fn preamble() -> Vec<sock_filter> {
    const LOAD: u16 = 0x20;
    const JUMP_GE: u16 = 0x35;
    const JUMP_EQ: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let no_such_call = 0x0005_0000 | libc::ENOSYS as u32;
    vec![
        step(LOAD, 0, 0, 0),
        step(JUMP_GE, 1, 0, 0x4000_0000),
        step(JUMP_EQ, 0, 1, libc::SYS_clone3 as u32),
        step(RETURN, 0, 0, no_such_call),
    ]
}
