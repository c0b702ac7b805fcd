//! The rules of billing: pure functions and types. No IO, no clock, no randomness, no floats, no SQL, no HTTP.
