#[cfg(feature = "gateway")]
mod agreement;
#[cfg(feature = "gateway")]
mod cases;
mod stored;
