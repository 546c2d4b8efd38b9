#[cfg(feature = "gateway")]
mod agreement;
#[cfg(feature = "gateway")]
mod cases;
mod second;
mod stored;
mod strict;
