//! A router that knows very many names.

use super::{Rows, best, heading, once, proportional};
use crate::chaos::{Victim, pids};
use crate::world::{Client, World};
use std::net::SocketAddr;
use xii::app::DeployRef;
use xii::router::{Service, State, Table, Target};

/// Requests one after the other, on one connection.
const REQUESTS: usize = 500;

/// All of them lead to the same place, or to nobody.
fn table(generation: u64, n: usize, address: Option<SocketAddr>) -> Table {
    let service = |number: usize| {
        let deploy: DeployRef = format!("app-{number}").parse().unwrap();
        let hosts = vec![format!("app-{number}.localhost")];
        let key = format!("web.1#{}", 1_000_000 + number);
        let instances = address.map(|address| Target { key, address }).into_iter().collect();
        Service { deploy, hosts, instances, state: State::NoProcesses }
    };
    Table { generation, services: (0..n).map(service).collect(), alone: None }
}

#[test]
#[ignore = "a figure, not a test: `just bench-scale`"]
fn a_routing_table_of_a_hundred_thousand_names() {
    let world = World::new();
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    // The server would publish its own table over ours.
    world.kill_server();
    let routers = xii::router::Client::new(world.run_dir().join("router"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    heading();
    let mut publish = Rows::of("routing table of n names: publish, until every thread uses it");
    let mut request = Rows::of("… 500 requests, to names all over it");
    let mut start = Rows::of("… a new router takes over (`KeeperClient::restart`)");
    let mut generation = 1_000;
    for n in [1, 1_000, 10_000, 100_000] {
        let took = best(|| {
            generation += 1;
            let table = table(generation, n, Some(address));
            runtime.block_on(routers.publish(&table)).unwrap();
        });
        let router = pids(&world, Victim::Router)[0];
        publish.add(n, took, &proportional(router));
        // Only looking it up is measured, so nobody is to answer.
        generation += 1;
        runtime.block_on(routers.publish(&table(generation, n, None))).unwrap();
        let mut client = Client::open(&world.http()).unwrap();
        let took = best(|| {
            for number in 0..REQUESTS {
                let host = format!("app-{}.localhost", number * 7919 % n);
                assert_eq!(client.get(&host, "/").unwrap().status, 503);
            }
        });
        request.add(n, took, &proportional(router));
        let socket = world.run_dir().join("router.sock");
        let keeper = xii::router::KeeperClient { socket };
        let took = once(|| runtime.block_on(keeper.restart()).unwrap());
        start.add(n, took, "");
    }
    world.up();
    world.leave();
}
