//! `/projects/{projectId}/catalog` and the things in it besides metrics and plans.

mod items;
