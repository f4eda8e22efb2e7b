use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ipfilter::IpFilter;

/// The filter of the moment, for all who ask. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forbidden(Arc<RwLock<IpFilter>>);

impl Forbidden {
    /// Puts another filter in place of the one before.
    pub(super) fn set(&self, filter: IpFilter) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = filter;
    }

    /// The filter as it is now.
    pub(super) fn get(&self) -> IpFilter {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this address is not to be dealt with.
    pub(crate) fn holds(&self, ip: IpAddr) -> bool {
        !self.0.read().unwrap_or_else(PoisonError::into_inner).allows(ip)
    }
}
