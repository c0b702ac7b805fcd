//! Rate limits: whoever floods is held back, everybody else is not.

use domain::access::Scope;
use domain::refusal::Code;
use server::Settings;
use server::settings::{Rate, Rates};

use crate::world::{Project, World, on_both};

const NARROW: Rate = Rate { per_second: 1, burst: 2 };
const WIDE: Rate = Rate { per_second: 10_000, burst: 10_000 };

/// The same database behind a server with other limits.
fn limited(world: &World, rates: Rates) -> World {
    World::new(world.db.clone(), &format!("{} limited", world.name), Settings { rates, ..Settings::development() })
}

/// Sends many requests with one key and returns how many were held back.
fn flood(world: &World, project: &Project, key: &str) -> usize {
    let replies = (0..30).map(|_| world.get(project.path("/customers")).key(key).send());
    replies.filter(|reply| reply.status == 429).inspect(|reply| drop(reply.refused(Code::RateLimited))).count()
}

on_both! {
    // checklist 16
    fn a_flooding_project_is_throttled_while_another_is_served(world) {
        let flooding = world.project_of(&world.owner(), "flooding");
        let quiet = world.project_of(&world.person("quiet"), "quiet");
        let keys = [&flooding, &quiet].map(|project| world.access_key(project, &[Scope::CustomersRead]));
        let limited = limited(world, Rates { per_project: NARROW, per_key: WIDE, per_user: WIDE });
        assert!(flood(&limited, &flooding, &keys[0]) > 0);
        limited.get(quiet.path("/customers")).key(&keys[1]).expect(200);
        // The people of the flooded project still see what is going on.
        limited.get(flooding.path("")).bearer(&flooding.owner.token).expect(200);
    }

    fn a_flooding_key_is_throttled_while_another_of_its_project_is_served(world) {
        let project = world.project();
        let [flooding, quiet] = [(); 2].map(|()| world.access_key(&project, &[Scope::CustomersRead]));
        let limited = limited(world, Rates { per_project: WIDE, per_key: NARROW, per_user: WIDE });
        assert!(flood(&limited, &project, &flooding) > 0);
        limited.get(project.path("/customers")).key(&quiet).expect(200);
    }

    fn a_flooding_user_is_throttled_while_another_is_served(world) {
        let [flooding, quiet] = ["flooding", "quiet"].map(|name| world.person(name));
        let limited = limited(world, Rates { per_project: WIDE, per_key: WIDE, per_user: NARROW });
        let replies = (0..30).map(|_| limited.get("/auth/me").bearer(&flooding.token).send());
        assert!(replies.filter(|reply| reply.status == 429).count() > 0);
        limited.get("/auth/me").bearer(&quiet.token).expect(200);
    }
}
