//! Jobs: leases, fences, resumption, failure.

mod leases;
mod work;
mod worker;
