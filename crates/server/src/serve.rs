//! The listening socket: accepts connections up to a limit, and stops cleanly.
