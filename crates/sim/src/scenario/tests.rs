mod experiments;
mod files;
