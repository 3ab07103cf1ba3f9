//! (room not written yet)
