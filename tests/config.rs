//! The configuration: the example, the defaults, and what a wrong file is told.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use locker_agent::cameras::ReplayCamera;
use locker_agent::config::{
    BusParity, BusPort, BusProtocol, CameraSource, Config, ConfigFault, Doors, LineOfChip,
};
use locker_agent::core::fitting::{Fitting, Size};
use locker_agent::core::policy::{DoorPolicy, Factors, LivenessMode, LockPolicy};
use locker_agent::locks::PulseWidth;

const EXAMPLE: &str = include_str!("../config.example.toml");

const MINIMAL: &str = r#"
[device]
id = "luohu-1"
[hall]
host = "127.0.0.1"
[cabinet]
driver = "gpio"
compartment = [{ number = 1, lock_line = "GPIO17", sensor_line = "GPIO5" }, { number = 2, lock_line = "GPIO27", sensor_line = "GPIO6" }]
[camera]
kind = "none"
"#;

fn parse(text: &str) -> Result<Config, ConfigFault> {
    Config::parse(text, Path::new("/etc/locker-agent/config.toml"))
}

/// The minimal file for the registers of a Raspberry Pi, with lines by BCM number.
fn rppal() -> String {
    let lines = ["17", "5", "27", "6"];
    let renamed = |text: String, line: &&str| text.replace(&format!("\"GPIO{line}\""), line);
    lines.iter().fold(MINIMAL.replace("\"gpio\"", "\"rppal\""), renamed)
}

/// What the file is told after this replacement.
fn told(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "nothing to replace: {from}");
    parse(&MINIMAL.replace(from, to)).unwrap_err().to_string()
}

/// What the file is told with this added at its end.
fn told_with(more: &str) -> String {
    parse(&format!("{MINIMAL}{more}")).unwrap_err().to_string()
}

#[test]
fn the_example_parses_and_gives_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), parse(MINIMAL).unwrap());
}

/// The example with every commented field switched on, except those that name files or devices.
#[test]
fn the_values_the_example_documents_are_the_defaults() {
    let names_files = [
        "username",
        "password_file",
        "files",
        "command",
        "dir",
        "manifest",
        "chip",
        "occupancy_line",
        "calibration",
    ];
    let mut documented = 0;
    let switched_on = EXAMPLE.lines().map(|line| {
        let field =
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && rest.contains(" = "));
        let field = field.filter(|rest| !names_files.iter().any(|name| rest.starts_with(name)));
        documented += u32::from(field.is_some());
        field.unwrap_or(line)
    });
    let text = switched_on.collect::<Vec<_>>().join("\n");
    assert_eq!(parse(&text).unwrap(), parse(MINIMAL).unwrap());
    assert!(documented > 30, "only {documented} fields are documented");
}

#[test]
fn the_demonstration_is_six_simulated_doors_on_this_machine() {
    let config = Config::demo(PathBuf::from("/tmp/somewhere"), 4711);
    assert_eq!(config.hall.port, 4711);
    assert_eq!(config.device.state_dir, Path::new("/tmp/somewhere"));
    assert!(matches!(&config.cabinet.doors, Doors::Sim { doors, .. } if doors.len() == 12));
    assert!(config.rules.remote_enrolment && matches!(config.camera, CameraSource::Sim { .. }));
}

#[test]
fn the_bounds_of_a_pulse_are_those_of_the_lock_driver() {
    for (millis, lawful) in [(49, false), (50, true), (1000, true), (1001, false)] {
        let width = Duration::from_millis(millis);
        assert_eq!(PulseWidth::new(width).is_ok(), lawful);
        let text = MINIMAL.replace("[camera]", &format!("pulse_ms = {millis}\n[camera]"));
        assert_eq!(parse(&text).is_ok(), lawful, "{millis}");
    }
    assert_eq!(parse(MINIMAL).unwrap().cabinet.locks.pulse, PulseWidth::DEFAULT.duration());
}

#[test]
fn a_value_out_of_range_is_told_with_line_path_value_and_range() {
    let told = told_with("[recognition]\nthreshold = 45\n");
    let expected =
        "line 12: recognition.threshold = 45 is out of range: give a number from 0.2 to 0.95";
    assert!(told.contains(expected), "{told}");
    assert!(told.starts_with("/etc/locker-agent/config.toml has 1 problem,"), "{told}");
}

#[test]
fn not_a_number_is_no_threshold() {
    for value in ["nan", "inf", "-0.5", "\"0.5\"", "true", "[0.5]"] {
        let told = told_with(&format!("[recognition]\nthreshold = {value}\n"));
        assert!(told.contains("from 0.2 to 0.95"), "{value}: {told}");
    }
}

#[test]
fn an_unknown_field_or_section_is_told_with_the_nearest_known_name() {
    let told = told_with("[recognition]\ntreshold = 0.5\n[policies]\n[colour]\n");
    assert!(told.contains("recognition.treshold is an unknown field: did you mean threshold?"));
    assert!(told.contains("policies is an unknown section: did you mean policy?"), "{told}");
    assert!(told.contains("colour is an unknown section: known here are device, hall,"), "{told}");
}

#[test]
fn all_problems_are_told_at_once_and_in_the_order_of_the_file() {
    let fault = parse(
        "[device]\nid = \"a/b\"\n[hall]\nport = 0\n[cabinet]\ndriver = \"relay\"\npulse_ms = 60000\n\
         [[cabinet.compartment]]\nnumber = 1000\n[log]\nlevel = \"loud\"\n",
    );
    let fault = fault.unwrap_err();
    let lines: Vec<_> = fault.problems.iter().map(|problem| problem.line).collect();
    let expected = [2, 3, 4, 6, 7, 9, 11].map(Some);
    assert_eq!(lines[..7], expected, "{fault}");
    let told = fault.to_string();
    for part in [
        "device.id = \"a/b\" is refused",
        "hall.host is missing",
        "give \"gpio\" or \"rppal\" or \"rs485\" or \"sim\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.contains("cabinet.compartment[1].number = 1000 is out of range"), "{told}");
    assert!(told.contains("camera.kind is missing"), "{told}");
}

#[test]
fn text_that_is_not_toml_is_told_with_its_line() {
    let told = told("id = \"luohu-1\"", "id = luohu-1");
    assert!(told.contains("line 3: this is not TOML"), "{told}");
}

#[test]
fn doors_and_lines_are_used_once() {
    let twice = told("number = 2", "number = 1");
    assert!(twice.contains("compartment[2].number = 1 is there twice"), "{twice}");
    let line = told("\"GPIO27\"", "\"GPIO17\"");
    let expected = "lock_line = \"GPIO17\" is already the lock_line of compartment 1";
    assert!(line.contains(expected), "{line}");
    let own = told("\"GPIO6\"", "\"GPIO27\"");
    let expected = "sensor_line = \"GPIO27\" is already the lock_line of compartment 2";
    assert!(own.contains(expected), "{own}");
}

#[test]
fn a_compartment_has_a_size_a_height_and_perhaps_a_sensor_that_looks_inside() {
    let text = MINIMAL.replace(
        "sensor_line = \"GPIO6\"",
        "sensor_line = \"GPIO6\", size = \"large\", low = true, occupancy_line = \"GPIO20\"",
    );
    let cabinet = parse(&text).unwrap().cabinet;
    let fittings: Vec<_> = cabinet.fittings.into_values().collect();
    assert_eq!(fittings, [Fitting::default(), Fitting { size: Size::Large, low: true }]);
    let Doors::Gpio { doors, .. } = cabinet.doors else { panic!("another driver") };
    let inside: Vec<_> = doors.into_values().map(|lines| lines.occupancy).collect();
    let line = LineOfChip::Name { chip: None, name: "GPIO20".to_owned() };
    assert_eq!(inside, [None, Some(line)]);

    let taken = parse(&text.replace("GPIO20", "GPIO17")).unwrap_err().to_string();
    let expected = "occupancy_line = \"GPIO17\" is already the lock_line of compartment 1";
    assert!(taken.contains(expected), "{taken}");
    let huge = parse(&text.replace("large", "huge")).unwrap_err().to_string();
    assert!(huge.contains("size = \"huge\" is not known: give \"small\" or"), "{huge}");
    let header = rppal().replace("sensor_line = 6", "sensor_line = 6, occupancy_line = 20");
    let Doors::Rppal(doors) = parse(&header).unwrap().cabinet.doors else { panic!("a chip") };
    assert_eq!(doors.values().map(|lines| lines.occupancy).next_back(), Some(Some(20)));
}

#[test]
fn the_rules_for_doors_are_the_cores_unless_the_file_says_otherwise() {
    assert_eq!(parse(MINIMAL).unwrap().policy().doors, DoorPolicy::default());
    assert_eq!(parse(MINIMAL).unwrap().policy().locks, LockPolicy::default());
    let text = MINIMAL.replace(
        "[camera]",
        "visit_s = 0\nreopen_within_s = 5\nstuck_after_reminders = 3\nrest_ms = 250\n[camera]",
    );
    let policy = parse(&text).unwrap().policy();
    assert_eq!((policy.doors.visit, policy.doors.stuck_after), (Duration::ZERO, 3));
    assert_eq!(policy.doors.reopen_within, Duration::from_secs(5));
    assert_eq!(policy.locks.rest, Duration::from_millis(250));
}

#[test]
fn the_header_of_a_pi_has_lines_2_to_27_once_each() {
    let text = rppal();
    assert!(
        matches!(&parse(&text).unwrap().cabinet.doors, Doors::Rppal(doors) if doors.len() == 2)
    );
    let twice = parse(&text.replace("lock_line = 27", "lock_line = 17")).unwrap_err().to_string();
    assert!(twice.contains("lock_line = 17 is already the lock_line of compartment 1"), "{twice}");
    for outside in ["0", "28", "-3", "\"GPIO17\""] {
        let told = parse(&text.replace("lock_line = 27", &format!("lock_line = {outside}")));
        let told = told.unwrap_err().to_string();
        assert!(told.contains("give a whole number from 2 to 27"), "{told}");
    }
}

#[test]
fn a_numbered_line_counts_on_the_chip_of_its_door_or_of_the_cabinet() {
    let numbered = MINIMAL.replace("\"GPIO17\"", "17").replace("\"GPIO27\"", "27, chip = \"b\"");
    let without = parse(&numbered).unwrap_err().to_string();
    assert!(without.contains("compartment[1].lock_line = 17 is a number on no chip"), "{without}");
    assert!(!without.contains("compartment[2]"), "{without}");
    let text = numbered.replace("driver", "chip = \"a\"\ndriver");
    let text = text.replace("chip = \"b\"", "chip = \"b\", debounce_ms = 40");
    let Doors::Gpio { doors } = parse(&text).unwrap().cabinet.doors else {
        panic!("another driver")
    };
    let debounces: Vec<_> = doors.values().map(|lines| lines.debounce).collect();
    assert_eq!(debounces, [Duration::from_millis(15), Duration::from_millis(40)]);
    let lines: Vec<_> = doors.into_values().map(|lines| (lines.lock, lines.sensor)).collect();
    let offset = |chip: &str, offset| LineOfChip::Offset { chip: chip.to_owned(), offset };
    let name = |chip: Option<&str>, name: &str| LineOfChip::Name {
        chip: chip.map(str::to_owned),
        name: name.to_owned(),
    };
    let expected =
        [(offset("a", 17), name(None, "GPIO5")), (offset("b", 27), name(Some("b"), "GPIO6"))];
    assert_eq!(lines, expected);
    let same = text.replace("27, chip = \"b\"", "17");
    let same = parse(&same).unwrap_err().to_string();
    assert!(same.contains("lock_line = 17 is already the lock_line of compartment 1"), "{same}");
    let other = text.replace("27, chip = \"b\"", "17, chip = \"b\"");
    parse(&other).unwrap();
    for outside in ["1024", "-1", "17.0", "\"\"", "true"] {
        parse(&text.replace("lock_line = 17", &format!("lock_line = {outside}"))).unwrap_err();
    }
}

#[test]
fn a_cabinet_has_doors_and_a_wired_door_has_lines() {
    let start = MINIMAL.find("compartment").unwrap();
    let end = MINIMAL.find("[camera]").unwrap();
    let none = MINIMAL.replace(&MINIMAL[start..end], "");
    assert!(parse(&none).unwrap_err().to_string().contains("cabinet.compartment is missing"));
    let empty = MINIMAL.replace(&MINIMAL[start..end], "compartment = []\n");
    assert!(parse(&empty).unwrap_err().to_string().contains("cabinet.compartment = [] is empty"));
    let unwired = told(", sensor_line = \"GPIO6\"", "");
    assert!(unwired.contains("compartment[2].sensor_line is missing"), "{unwired}");
    let simulated = MINIMAL.replace(", sensor_line = \"GPIO6\"", "").replace("\"gpio\"", "\"sim\"");
    assert_eq!(parse(&simulated).unwrap().cabinet.doors.numbers().len(), 2);
}

const BOARDS: &str = r#"
[device]
id = "luohu-1"
[hall]
host = "127.0.0.1"
[cabinet]
driver = "rs485"
port = [{ device = "/dev/ttyUSB0", protocol = "kerong-cu16" }]
compartment = [{ number = 1, board = 0, lock = 1 }, { number = 2, board = 1, lock = 16, sensor_inverted = true }]
[camera]
kind = "none"
"#;

/// What a file for lock boards is told after these replacements.
fn boards_told(changes: &[(&str, &str)]) -> String {
    let changed = changes.iter().fold(BOARDS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to replace: {from}");
        text.replacen(from, to, 1)
    });
    parse(&changed).unwrap_err().to_string()
}

fn ports(text: &str) -> Vec<BusPort> {
    let Doors::Rs485 { ports, .. } = parse(text).unwrap().cabinet.doors else {
        panic!("another driver")
    };
    ports
}

#[test]
fn lock_boards_are_read_with_the_defaults_of_their_protocol() {
    let Doors::Rs485 { doors, ports: read } = parse(BOARDS).unwrap().cabinet.doors else {
        panic!("another driver")
    };
    let locks: Vec<_> = doors.values().map(|door| (door.port, door.board, door.lock)).collect();
    assert_eq!(locks, [(0, 0, 1), (0, 1, 16)]);
    assert_eq!(doors.values().map(|door| door.sensor_inverted).collect::<Vec<_>>(), [false, true]);
    let millis = Duration::from_millis;
    let expected = BusPort {
        device: "/dev/ttyUSB0".into(),
        protocol: BusProtocol::KerongCu16 { open_is_answered: false, high_nibble_is_board: true },
        baud: 19_200,
        parity: BusParity::None,
        answer_within: millis(200),
        open_answer_within: millis(2000),
        gap: millis(50),
        poll_every: millis(250),
        board_pulse: millis(550),
    };
    assert_eq!(read, [expected]);
    for (protocol, baud) in
        [("kerong-cu48-modbus", 115_200), ("wkly", 9600), ("winnsen", 9600), ("modbus-relay", 9600)]
    {
        let text = BOARDS.replace("kerong-cu16", protocol).replace("board = 0", "board = 2");
        let text = text.replace("lock = 16", "lock = 8");
        assert_eq!(ports(&text)[0].baud, baud, "{protocol}");
    }
    let unknown = boards_told(&[("cu16", "cu48")]);
    assert!(unknown.contains("port[1].baud is missing: no source tells the speed"), "{unknown}");
    assert_eq!(ports(&BOARDS.replace("cu16\"", "cu48\", baud = 19200"))[0].baud, 19_200);
}

/// The block of the example with its first comment sign off.
#[test]
fn the_lock_boards_of_the_example_are_the_defaults() {
    let block = EXAMPLE.lines().skip_while(|line| *line != "# [[cabinet.port]]");
    let block: Vec<_> = block.map_while(|line| line.strip_prefix('#')).collect();
    assert!(block.len() > 30, "the block has become short: {block:?}");
    let start = BOARDS.find("port =").unwrap();
    let end = BOARDS.find("[camera]").unwrap();
    let text = BOARDS.replace(&BOARDS[start..end], &(block.join("\n") + "\n"));
    let mut written = ports(&text);
    written[0].device = "/dev/ttyUSB0".into();
    assert_eq!(written, ports(BOARDS));
}

#[test]
fn lock_boards_are_told_all_their_problems_at_once_with_line_and_range() {
    let told = boards_told(&[
        ("\"/dev/ttyUSB0\"", "\"\""),
        ("kerong-cu16\"", "kerong\", gap_ms = 900, parity = \"mark\""),
        ("board = 0, ", ""),
        ("lock = 16", "lock = 0"),
    ]);
    assert!(told.contains("has 6 problems"), "{told}");
    for part in [
        "line 8: cabinet.port[1].device = \"\" is no text",
        "protocol = \"kerong\" is not known: give \"kerong-cu16\" or",
        "gap_ms = 900 is out of range",
        "parity = \"mark\" is not known",
        "line 9: cabinet.compartment[1].board is missing",
        "compartment[2].lock = 0 is out of range",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_lock_is_on_a_board_that_can_be_and_has_one_door() {
    let both = boards_told(&[("board = 1, lock = 16", "board = 0, lock = 1")]);
    assert!(both.contains("lock = 1 of board 0 is already the lock of compartment 1"), "{both}");
    let board = boards_told(&[("board = 1", "board = 16")]);
    assert!(board.contains("board = 16 is out of range for these boards: give 0 to 15"), "{board}");
    let lock = boards_told(&[("lock = 16", "lock = 17")]);
    assert!(lock.contains("lock = 17 is out of range for these boards: give 1 to 16"), "{lock}");
    let one = boards_told(&[("\"kerong-cu16\"", "\"kerong-cu16\", high_nibble_is_board = false")]);
    assert!(one.contains("board = 1 is out of range for these boards: give 0 to 0"), "{one}");
    let relays = boards_told(&[("\"kerong-cu16\"", "\"modbus-relay\", channels = 16")]);
    assert!(
        relays.contains("board = 0 is out of range for these boards: give 1 to 255"),
        "{relays}"
    );
}

#[test]
fn with_several_ports_each_has_a_name_and_a_device_and_each_door_says_which() {
    let two = [(
        "port = [{ ",
        "port = [{ name = \"b\", device = \"/dev/ttyUSB1\", protocol = \"wkly\" }, { name = \"a\", ",
    )];
    let which = boards_told(&two);
    assert!(which.contains("compartment[1].port is missing: there are several ports"), "{which}");
    let wrong = boards_told(&[two[0], ("board = 0", "port = \"c\", board = 0")]);
    assert!(wrong.contains("port = \"c\" is not known: give \"b\" or \"a\""), "{wrong}");
    let same = boards_told(&[two[0], ("ttyUSB0", "ttyUSB1"), ("name = \"a\"", "name = \"b\"")]);
    assert!(same.contains("port[2].device = \"/dev/ttyUSB1\" is there twice"), "{same}");
    assert!(same.contains("port[2].name = \"b\" is there twice"), "{same}");
    let text = two.iter().fold(BOARDS.to_owned(), |text, (from, to)| text.replace(from, to));
    let text = text.replace("board = 0", "port = \"a\", board = 0");
    // The same board and lock on two ports are two locks.
    let text = text.replace("board = 1, lock = 16", "port = \"b\", board = 0, lock = 1");
    let Doors::Rs485 { doors, .. } = parse(&text).unwrap().cabinet.doors else {
        panic!("another driver")
    };
    assert_eq!(doors.values().map(|door| door.port).collect::<Vec<_>>(), [1, 0]);
    let none =
        boards_told(&[("port = [{ device = \"/dev/ttyUSB0\", protocol = \"kerong-cu16\" }]", "")]);
    assert!(none.contains("cabinet.port is missing: write [[cabinet.port]]"), "{none}");
}

#[test]
fn blocks_for_lock_boards_may_stand_in_a_file_for_another_driver() {
    let kept = MINIMAL
        .replace(
            "driver = \"gpio\"",
            "driver = \"gpio\"\nport = [{ device = \"/dev/ttyUSB0\", protocol = \"wkly\" }]",
        )
        .replace("number = 1,", "number = 1, board = 0, lock = 1,");
    assert_eq!(parse(&kept).unwrap(), parse(MINIMAL).unwrap());
}

#[test]
fn unencrypted_mqtt_leaves_the_machine_only_when_that_is_allowed() {
    for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
        parse(&MINIMAL.replace("127.0.0.1", host)).unwrap();
    }
    for host in ["192.168.1.5", "hall.example", "localhost.example", "127.0.0.1.example"] {
        let told = told("127.0.0.1", host);
        assert!(told.contains("hall.allow_insecure = true"), "{told}");
        let allowed = format!("{host}\"\nallow_insecure = true");
        parse(&MINIMAL.replace("127.0.0.1\"", &allowed)).unwrap();
    }
}

#[test]
fn a_login_is_whole_and_its_password_is_not_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text =
        MINIMAL.replace("[cabinet]", "username = \"u\"\npassword_file = \"password\"\n[cabinet]");
    let missing = Config::parse(&text, &file).unwrap_err().to_string();
    assert!(missing.contains("hall.password_file = \"password\" cannot be read"), "{missing}");
    std::fs::write(folder.path().join("password"), "secret").unwrap();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join("password"), permissions).unwrap();
    };
    mode(0o644);
    assert!(Config::parse(&text, &file).unwrap_err().to_string().contains("chmod 640"));
    mode(0o640);
    let login = Config::parse(&text, &file).unwrap().hall.login.unwrap();
    assert_eq!(login.password_file, folder.path().join("password"));
    let half = text.replace("username = \"u\"\n", "");
    let half = Config::parse(&half, &file).unwrap_err().to_string();
    assert!(half.contains("hall.username is missing"), "{half}");
}

#[test]
fn contradictions_between_fields_are_told() {
    let told = told("[camera]", "pulse_ms = 900\nopen_within_ms = 800\n[camera]");
    assert!(told.contains("open_within_ms = 800 ends before the pulse does: give at least 900"));
    let dark = told_with("[recognition]\nmin_brightness = 200\nmax_brightness = 100\n");
    assert!(dark.contains("min_brightness = 200 is not below max_brightness"), "{dark}");
}

#[test]
fn a_picture_that_is_not_there_does_not_keep_the_staff_from_the_doors() {
    let replay = parse(&MINIMAL.replace("\"none\"", "\"replay\"\nfiles = [\"gone.jpg\"]"));
    let CameraSource::Replay { files, .. } = replay.unwrap().camera else {
        panic!("not a replay camera")
    };
    assert_eq!(files, [PathBuf::from("/etc/locker-agent/gone.jpg")]);
    let fault = ReplayCamera::from_files(&files, 10.0).err().unwrap().to_string();
    assert!(fault.contains("/etc/locker-agent/gone.jpg cannot be read"), "{fault}");
    assert!(fault.contains("check camera.files"), "{fault}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Config::load(Path::new("/nowhere/config.toml")).unwrap_err().to_string();
    assert!(told.contains("/nowhere/config.toml") && told.contains("--config"), "{told}");
    let without = parse(&MINIMAL.replace("\"none\"", "\"replay\"")).unwrap_err().to_string();
    assert!(without.contains("camera.files is missing"), "{without}");
}

fn camera(lines: &str) -> Result<CameraSource, ConfigFault> {
    parse(&MINIMAL.replace("kind = \"none\"", lines)).map(|config| config.camera)
}

#[test]
fn a_camera_of_the_kernel_is_read_with_its_defaults() {
    let usual = camera("kind = \"v4l2\"").unwrap();
    let expected = CameraSource::V4l2 {
        device: "/dev/video0".to_owned(),
        width: 640,
        height: 480,
        frames_per_second: 15.0,
        settle: Duration::from_millis(500),
        frozen_after: Duration::from_secs(5),
    };
    assert_eq!(usual, expected);
    let other =
        camera("kind = \"v4l2\"\ndevice = \"USB Camera\"\nwidth = 1280\nheight = 720").unwrap();
    assert!(matches!(other, CameraSource::V4l2 { width: 1280, height: 720, .. }));
    let told = camera("kind = \"v4l2\"\nwidth = 10").unwrap_err().to_string();
    assert!(told.contains("camera.width = 10 is out of range"), "{told}");
}

#[test]
fn a_camera_command_is_a_list_and_no_line_for_a_shell() {
    let read = camera("kind = \"command\"\ncommand = [\"rpicam-vid\", \"-o\", \"-\"]").unwrap();
    let CameraSource::Command { argv, .. } = read else { panic!("{read:?}") };
    assert_eq!(argv, ["rpicam-vid", "-o", "-"]);
    for wrong in ["\"rpicam-vid -o -\"", "[\"rpicam-vid\", 0]", "[]", "[\"\"]"] {
        let told =
            camera(&format!("kind = \"command\"\ncommand = {wrong}")).unwrap_err().to_string();
        assert!(told.contains("camera.command = ") && told.contains("has 1 problem"), "{told}");
    }
    let without = camera("kind = \"command\"").unwrap_err().to_string();
    assert!(without.contains("camera.command is missing: give the program"), "{without}");
}

#[test]
fn an_empty_hall_is_looked_at_as_often_as_the_site_says() {
    let config =
        parse(&format!("{MINIMAL}[recognition]\nidle_fps = 2\nmin_face_px = 100\n")).unwrap();
    let attention = config.policy().attention;
    assert_eq!((attention.idle_interval, attention.near_px), (Duration::from_millis(500), 50.0));
}

fn recognition(lines: &str) -> Result<Config, ConfigFault> {
    parse(&format!("{MINIMAL}[recognition]\n{lines}\n"))
}

#[test]
fn liveness_is_switched_off_only_where_nobody_stands_before_the_camera() {
    for kind in ["kind = \"v4l2\"", "kind = \"command\"\ncommand = [\"rpicam-vid\"]"] {
        let text = MINIMAL.replace("kind = \"none\"", kind);
        let told = parse(&format!("{text}[recognition]\nliveness = \"off\"\n"));
        let told = told.unwrap_err().to_string();
        assert!(told.contains("any photo of the right face"), "{told}");
        let active = parse(&format!("{text}[recognition]\nliveness = \"active\"\n")).unwrap();
        assert_eq!(active.recognition.liveness.mode, LivenessMode::Active);
    }
    let simulated = MINIMAL.replace("\"none\"", "\"sim\"");
    let off = parse(&format!("{simulated}[recognition]\nliveness = \"off\"\n")).unwrap();
    assert_eq!(off.recognition.liveness.mode, LivenessMode::Off);
    let told = recognition("liveness = \"none\"").unwrap_err().to_string();
    assert!(told.contains("give \"passive\" or \"active\" or \"off\""), "{told}");
    let told = recognition("liveness_floor = 0.7").unwrap_err().to_string();
    assert!(told.contains("above liveness_threshold"), "{told}");
}

#[test]
fn a_site_brings_its_own_calibration() {
    let own = recognition(
        "calibration = [{ rate = 0.01, similarity = 0.3 }, { rate = 0.0001, similarity = 0.5 }]",
    );
    let faces = own.unwrap().recognition;
    assert_eq!(faces.calibration.points().len(), 2);
    assert!((faces.similarity_among(1) - 0.5).abs() < 1e-4);
    assert!(faces.similarity_among(10) > 0.55, "ten people are ten chances");
    for (wrong, reason) in [
        ("[{ rate = 0.01, similarity = 0.3 }]", "fewer than two points"),
        ("[{ rate = 0.01, similarity = 0.3 }, { similarity = 0.5 }]", "point 2 is out of range"),
        (
            "[{ rate = 0.01, similarity = 0.3 }, { rate = 0.1, similarity = 0.5 }]",
            "point 2 is out of order",
        ),
        ("[0.1, 0.2]", "is no table"),
    ] {
        let told = recognition(&format!("calibration = {wrong}")).unwrap_err().to_string();
        assert!(told.contains("recognition.calibration") && told.contains(reason), "{told}");
    }
}

#[test]
fn what_a_pickup_takes_is_one_of_three() {
    let factors = |word: &str| recognition(&format!("factors = \"{word}\""));
    assert_eq!(factors("face+code").unwrap().recognition.factors, Factors::FaceAndCode);
    assert_eq!(factors("code").unwrap().recognition.factors, Factors::Code);
    assert!(factors("none").unwrap_err().to_string().contains("\"face+code\""));
}
