//! A plan with all it needs: what is missing is fetched, as a server does it.

use crate::build::World;
use xii::app::{Failure, Manifests};
use xii::build::{Confined, Fetch, Plan, Stop, Toolchains, Tree, Workspace, fetch, plan};
use xii::sandbox::Root;

pub fn planned(
    world: &World,
    workspace: &Workspace,
    manifests: &Manifests,
    path: &str,
) -> Result<Plan, Failure> {
    let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| world.run(command, line);
    let found = Toolchains::find(path).probe(&mut exec)?;
    loop {
        let available = found.with_home(&world.home)?;
        let wish = match plan(&Tree::read(&workspace.source())?, manifests, &available) {
            Err(Stop::Needs(wish, _)) => wish,
            planned => return Ok(planned?),
        };
        let (home, user) = (&world.home, Some(&world.user));
        let request = Fetch { home, wish: &wish, available: &available, root: Root::Host, user };
        fetch(&request, &mut exec, &mut |_| {})?;
    }
}
