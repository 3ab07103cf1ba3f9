//! Desired state → running instances. Decisions are in [`plan`], a pure function; the one
//! task per deploy that carries them out is the runner. Nothing in here builds code or
//! cuts releases: it is handed numbers of releases that exist.

mod actions;
mod attach;
mod boots;
mod deploys;
mod desired;
mod host;
mod instance;
mod keepers;
mod left;
mod listener;
mod load;
mod one_off;
mod plan;
mod readiness;
mod routes;
mod runnable;
mod runner;
mod start_failure;
mod view;

pub use attach::{attach_all, see_out};
pub use boots::Boots;
pub use deploys::{Deploys, Handle};
pub use desired::{Orders, count, desired, desired_of, is_to_replace};
pub use host::{Addressing, Host};
pub use keepers::end;
pub use left::stop_all;
pub use one_off::{OneOff, Stdio};
pub use plan::{Action, Desired, Observed, Seen, Slot, State, Wanted, plan};
pub use routes::Routes;
pub use runnable::{Runnable, fixed_env, nonce, shell};
pub use view::{InstanceView, NotStarted, View};
