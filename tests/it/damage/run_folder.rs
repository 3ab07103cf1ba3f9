//! The run folder only says what runs: what is wrong there is written again, and nothing runs
//! twice for it.

use super::{Damage, Kept};
use crate::world::{World, is_alive};

#[test]
fn a_damaged_record_of_an_instance_makes_no_second_one() {
    for damage in [Damage::Empty, Damage::Cut, Damage::Noise, Damage::Gone] {
        let world = World::new();
        let app = world.deployed("shop");
        let record = std::fs::read_dir(world.run_dir().join("instances")).unwrap();
        let record = record.flatten().map(|entry| entry.path()).find(|path| path.is_file());
        let record = record.unwrap();
        let keeper: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        let keeper = keeper["pid"].as_i64().unwrap() as i32;
        world.kill_server();
        damage.to(&record);
        world.up();
        world.until("the keeper that cannot be known has ended", || {
            (!is_alive(keeper)).then_some(())
        });
        world.until("another one serves", || {
            let answer = world.get(&app.host(), "/");
            (answer.status == 200).then_some(())
        });
        assert_eq!(world.ps("shop").len(), 1, "{damage:?}");
        world.leave();
    }
}

#[test]
fn a_damaged_table_or_router_record_is_written_again() {
    let world = World::new();
    let app = world.deployed("shop");
    let (table, record) =
        (world.run_dir().join("router/routes.json"), world.run_dir().join("router.json"));
    for damage in [Damage::Empty, Damage::Cut, Damage::Noise, Damage::Gone] {
        world.kill_server();
        damage.to(&table);
        world.up();
        world.until("it serves", || (world.get(&app.host(), "/").status == 200).then_some(()));
        let text = std::fs::read_to_string(&table).unwrap();
        assert!(text.contains("shop.localhost"), "{damage:?}: {text}");
    }
    for damage in [Damage::Empty, Damage::Cut, Damage::Noise, Damage::Flip] {
        world.kill_server();
        let kept = Kept::of(&record);
        damage.to(&record);
        let said = world.xii(&["up"]);
        assert!(said.code == 0 || said.err.contains("router"), "{damage:?}: {said:#?}");
        drop(kept);
        if said.code != 0 {
            world.up();
        }
        world.until("it serves", || (world.get(&app.host(), "/").status == 200).then_some(()));
    }
    world.leave();
}
