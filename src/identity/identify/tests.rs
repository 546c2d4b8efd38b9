#[cfg(feature = "gateway")]
mod cases;
mod stored;
