//! Who is let in, who is not, and what access leaves in the audit trail.

mod keys;
mod permissions;
mod sessions;
