//! Jobs: leases, fences, resumption, failure.

mod leases;
mod observed;
mod work;
mod worker;
