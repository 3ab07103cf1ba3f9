use super::super::table;
use super::*;

fn table(generation: u64, keys: &[&str]) -> Table {
    let instances = keys.iter().enumerate().map(|(index, key)| table::Target {
        key: key.to_string(),
        address: SocketAddr::from(([127, 0, 0, 1], 20000 + index as u16)),
    });
    Table {
        generation,
        services: vec![table::Service {
            deploy: "shop".parse().unwrap(),
            hosts: vec!["Shop.localhost".into()],
            instances: instances.collect(),
            state: State::Serving,
        }],
        alone: None,
    }
}

#[test]
fn a_host_is_found_whatever_its_case_port_or_final_dot() {
    let routes = Routes::build(&table(1, &["web.1#1"]), &Routes::default());
    for host in ["shop.localhost", "SHOP.localhost:8080", "shop.localhost.", "shop.localhost.:80"] {
        assert!(routes.find(host).is_some(), "{host}");
    }
    for host in ["", "localhost", "a.shop.localhost", "[::1]:80", "[::1]"] {
        assert!(routes.find(host).is_none(), "{host}");
    }
}

#[test]
fn a_lone_service_answers_every_unknown_host() {
    let mut table = table(1, &["web.1#1"]);
    table.alone = Some("shop".parse().unwrap());
    let routes = Routes::build(&table, &Routes::default());
    assert_eq!(routes.find("127.0.0.1:8080").unwrap().deploy, "shop/production");
}

#[test]
fn the_least_busy_instance_is_picked_and_equals_take_turns() {
    let routes = Routes::build(&table(1, &["web.1#1", "web.2#2"]), &Routes::default());
    let service = routes.find("shop.localhost").unwrap();
    let first = service.pick(0, 0, &[]).unwrap();
    assert_eq!(first.0.dyno, "web.1");
    let second = service.pick(0, 0, &[]).unwrap();
    assert_eq!(second.0.dyno, "web.2");
    assert_eq!(service.pick(1, 0, &[]).unwrap().0.dyno, "web.2");
    drop(second);
    assert_eq!(service.pick(0, 0, &[]).unwrap().0.dyno, "web.2");
    drop(first);
    assert!(routes.instances().all(|instance| instance.requests() == 0));
}

#[test]
fn a_suspect_is_picked_only_when_nobody_else_is_left() {
    let routes = Routes::build(&table(1, &["web.1#1", "web.2#2"]), &Routes::default());
    let service = routes.find("shop.localhost").unwrap();
    let suspect = service.pick(0, 0, &[]).unwrap().0.clone();
    suspect.suspect(100);
    let busy: Vec<_> = (0..5).map(|_| service.pick(0, 50, &[]).unwrap()).collect();
    assert!(busy.iter().all(|request| request.0.number != suspect.number));
    let other = busy[0].0.number;
    assert_eq!(service.pick(0, 50, &[other]).unwrap().0.number, suspect.number);
    assert!(service.pick(0, 50, &[other, suspect.number]).is_none());
    assert_eq!(service.pick(0, 100, &[]).unwrap().0.number, suspect.number);
}

#[test]
fn an_instance_that_stays_keeps_its_count_and_one_that_leaves_is_marked() {
    let before = Routes::build(&table(1, &["web.1#1", "web.2#2"]), &Routes::default());
    let request = before.find("shop.localhost").unwrap().pick(0, 0, &[]).unwrap();
    let after = Routes::build(&table(2, &["web.1#1"]), &before);
    let gone = after.retire(&before);
    assert_eq!(gone.iter().map(|i| i.key.as_str()).collect::<Vec<_>>(), ["web.2#2"]);
    assert!(gone[0].is_gone() && !request.0.is_gone());
    assert_eq!(after.instances().map(|i| i.requests()).sum::<u32>(), 1);
}

#[test]
fn the_same_key_at_another_address_is_another_instance() {
    let before = Routes::build(&table(1, &["web.1#1"]), &Routes::default());
    let mut moved = table(2, &["web.1#1"]);
    moved.services[0].instances[0].address = "127.0.0.1:29999".parse().unwrap();
    let after = Routes::build(&moved, &before);
    assert_eq!(after.retire(&before).len(), 1);
    assert!(after.instances().all(|instance| !instance.is_gone()));
}

#[test]
fn an_open_tunnel_counts_towards_the_load_but_not_as_a_request() {
    let routes = Routes::build(&table(1, &["web.1#1"]), &Routes::default());
    let tunnel = routes.find("shop.localhost").unwrap().pick(0, 0, &[]).unwrap().into_tunnel();
    assert_eq!((tunnel.0.requests(), tunnel.0.tunnels()), (0, 1));
}

#[test]
fn trust_in_idle_connections_falls_by_half_and_comes_back_slowly() {
    let routes = Routes::build(&table(1, &["web.1#1"]), &Routes::default());
    let instance = routes.instances().next().unwrap();
    assert_eq!(instance.trusted_ms(), TRUSTED_MOST_MS);
    instance.distrust(300);
    assert_eq!(instance.trusted_ms(), 150);
    instance.distrust(900);
    assert_eq!(instance.trusted_ms(), 150, "a longer idle time says nothing new");
    instance.distrust(0);
    assert_eq!(instance.trusted_ms(), 0);
    let steps = (1..).take_while(|_| {
        instance.trust_more();
        instance.trusted_ms() < TRUSTED_MOST_MS
    });
    assert!((20..100).contains(&steps.count()));
}

#[test]
fn an_instance_is_steady_once_it_has_left_resting_connections_open_for_a_while() {
    let routes = Routes::build(&table(1, &["web.1#1"]), &Routes::default());
    let instance = routes.instances().next().unwrap();
    assert!(!instance.is_steady(u64::MAX), "nothing is known of it");
    instance.rested(RESTED_MS - 1, 5);
    assert!(!instance.is_steady(u64::MAX), "too short a rest says nothing");
    instance.rested(RESTED_MS, 5);
    instance.rested(RESTED_MS, 500);
    assert!(!instance.is_steady(4 + STEADY_MS) && instance.is_steady(5 + STEADY_MS));
    instance.distrust(RESTED_MS);
    assert!(instance.is_steady(5 + STEADY_MS), "it closed one after a good rest");
    instance.distrust(RESTED_MS - 1);
    assert!(!instance.is_steady(u64::MAX), "it closed one early");
    instance.rested(RESTED_MS, 0);
    assert!(instance.is_steady(1 + STEADY_MS), "and starts anew");
}
