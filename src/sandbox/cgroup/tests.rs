use super::*;

const HYBRID: &str = "\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
";

#[test]
fn a_hybrid_machine_is_seen_in_its_mounts() {
    let found = Hierarchies::parse(HYBRID);
    assert_eq!(found.memory, Some("/sys/fs/cgroup/memory".into()));
    assert_eq!(found.cpu, Some("/sys/fs/cgroup/cpu,cpuacct".into()));
    assert_eq!(found.unified, Some("/sys/fs/cgroup/unified".into()));
}

#[test]
fn on_v2_alone_controllers_are_passed_down_and_the_v2_files_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_path_buf();
    let machine = Hierarchies { unified: Some(root.clone()), ..Hierarchies::default() };
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        cpu_millicores: Some(1500),
        pids: Some(20),
        ..Limits::default()
    };
    machine.create("xii-00000001/7", &limits).unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("xii-00000001/7/memory.max"), "67108864");
    assert_eq!(read("xii-00000001/7/cpu.max"), "150000 100000");
    assert_eq!(read("xii-00000001/7/pids.max"), "20");
    assert_eq!(read("cgroup.subtree_control"), "+io");
    assert_eq!(read("xii-00000001/cgroup.subtree_control"), "+io");
}

#[test]
fn a_weight_is_shares_on_v1_and_weights_on_v2() {
    let (v1, v2) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (cpu, unified) = (v1.path().to_path_buf(), v2.path().to_path_buf());
    let light = Limits { cpu_weight: Some(10), ..Limits::default() };
    let hybrid = Hierarchies { cpu: Some(cpu.clone()), ..Hierarchies::default() };
    hybrid.create("x/1", &light).unwrap();
    assert_eq!(std::fs::read_to_string(cpu.join("x/1/cpu.shares")).unwrap(), "102");
    // The kernel makes the file where it weighs the disk; here nobody does.
    let alone = Hierarchies { unified: Some(unified.clone()), ..Hierarchies::default() };
    alone.create("x/1", &light).unwrap();
    assert_eq!(std::fs::read_to_string(unified.join("x/1/cpu.weight")).unwrap(), "10");
    assert!(!unified.join("x/1/io.weight").exists());
    std::fs::write(unified.join("x/1/io.weight"), "default 100").unwrap();
    alone.create("x/1", &light).unwrap();
    assert_eq!(std::fs::read_to_string(unified.join("x/1/io.weight")).unwrap(), "default 10");
}

#[test]
fn counters_are_found_by_their_whole_name() {
    let folder = tempfile::tempdir().unwrap();
    let machine =
        Hierarchies { unified: Some(folder.path().to_path_buf()), ..Hierarchies::default() };
    let cgroup = machine.create("x", &Limits::default()).unwrap();
    let events = "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n";
    std::fs::write(folder.path().join("x/memory.events"), events).unwrap();
    assert_eq!(cgroup.oom_kills(), 2);
}

#[test]
fn a_name_cannot_climb_out() {
    let machine = Hierarchies::default();
    for name in ["", "..", "a/../b", "/a", "a//b"] {
        assert!(machine.create(name, &Limits::default()).is_err(), "{name}");
    }
}

#[test]
fn keepers_leave_their_starter_on_v2_alone_and_are_no_instance() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_path_buf();
    let alone = Hierarchies { unified: Some(root.clone()), ..Hierarchies::default() };
    assert!(alone.is_v2_alone());
    alone.create("given.service/xii-1/7", &Limits::default()).unwrap();
    alone.beside("given.service/xii-1", KEEPERS).unwrap().unwrap().join().unwrap();
    let joined = root.join("given.service/xii-1/keepers/cgroup.procs");
    assert_eq!(std::fs::read_to_string(joined).unwrap(), "0");
    assert_eq!(alone.list("given.service/xii-1"), ["7"]);
    let hybrid = Hierarchies { memory: Some(root.join("memory")), ..alone };
    assert_eq!(hybrid.beside("xii-2", KEEPERS).unwrap(), None);
    assert!(!hybrid.is_v2_alone() && !root.join("xii-2").exists());
}
