//! Add-ons, coupons, custom assets, tax categories and tax rates: five times the same four routes.

use axum::extract::State;
use axum::response::Response;
use engine::Ctx;
use engine::catalog::items::Stored;
use http::StatusCode;

use crate::answer::{Reply, json, no_content};
use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

/// The module of one kind: list, read, put and remove by key.
macro_rules! items {
    ($kind:ident, $type:ty, $tag:tt, $all:tt, $one:tt, $key:ident;
        $list:ident $list_title:tt, $get:ident $get_title:tt, $put:ident $put_title:tt, $remove:ident $remove_title:tt) => {
        pub(crate) mod $kind {
            use super::*;

            #[doc = $list_title]
            ///
            /// In the order of their keys.
            #[utoipa::path(get, path = $all, tag = $tag, params(PageQuery),
                                responses((status = 200, description = "A page of them", body = Page<$type>)))]
            pub async fn $list(
                State(app): State<App>,
                In(ctx): In<Ctx>,
                Query(page): Query<PageQuery>,
            ) -> Result<Json<Page<$type>>, Failure> {
                let (after, fetch): (Option<String>, usize) = (page.after()?, page.fetch()?);
                let items = app.run(move |engine| engine.list_items::<$type>(&ctx, after.as_deref(), fetch)).await?;
                Ok(Json(Page::new(items, &page, |item| item.$key.clone())?))
            }

            #[doc = $get_title]
            #[utoipa::path(get, path = $one, tag = $tag,
                                responses((status = 200, description = "What it says now", body = $type)))]
            pub async fn $get(
                State(app): State<App>,
                In(ctx): In<Ctx>,
                PathPart(key): PathPart<String>,
            ) -> Result<Json<$type>, Failure> {
                app.run(move |engine| engine.get_item::<$type>(&ctx, &key)).await.map(Json)
            }

            #[doc = $put_title]
            ///
            /// Each change is a new version. The same body again changes nothing.
            #[utoipa::path(put, path = $one, tag = $tag, request_body = $type,
                                responses(
                                    (status = 201, description = "It is new", body = $type),
                                    (status = 200, description = "It was there, and says this now", body = $type),
                                    (status = 422, description = "`invalid_catalog`: every mistake with its path",
                                        body = engine::problem::Problem, content_type = "application/problem+json"),
                                ))]
            pub async fn $put(
                State(app): State<App>,
                In(ctx): In<Ctx>,
                PathPart(key): PathPart<String>,
                Json(item): Json<$type>,
            ) -> Reply {
                Ok(match app.run(move |engine| engine.put_item(&ctx, &key, &item)).await? {
                    Stored::Created(item) => json(StatusCode::CREATED, &item),
                    Stored::Kept(item) => json(StatusCode::OK, &item),
                })
            }

            #[doc = $remove_title]
            ///
            /// Refused while something current refers to it. What was rated with it stays as it is.
            #[utoipa::path(delete, path = $one, tag = $tag,
                                responses(
                                    (status = 204, description = "It is gone"),
                                    (status = 409, description = "`catalog_item_in_use`: `errors` names every place",
                                        body = engine::problem::Problem, content_type = "application/problem+json"),
                                ))]
            pub async fn $remove(
                State(app): State<App>,
                In(ctx): In<Ctx>,
                PathPart(key): PathPart<String>,
            ) -> Result<Response, Failure> {
                app.run(move |engine| engine.remove_item::<$type>(&ctx, &key)).await?;
                Ok(no_content())
            }
        }
    };
}

items!(add_ons, domain::catalog::add_on::AddOn, "addOns",
    "/projects/{projectId}/add-ons", "/projects/{projectId}/add-ons/{key}", key;
    list_add_ons "List add-ons", get_add_on "One add-on", put_add_on "Set an add-on", remove_add_on "Remove an add-on");
items!(coupons, domain::catalog::coupon::Coupon, "coupons",
    "/projects/{projectId}/coupons", "/projects/{projectId}/coupons/{key}", key;
    list_coupons "List coupons", get_coupon "One coupon", put_coupon "Set a coupon", remove_coupon "Remove a coupon");
items!(custom_assets, domain::catalog::asset::CustomAsset, "customAssets",
    "/projects/{projectId}/custom-assets", "/projects/{projectId}/custom-assets/{key}", code;
    list_custom_assets "List custom assets", get_custom_asset "One custom asset",
    put_custom_asset "Set a custom asset", remove_custom_asset "Remove a custom asset");
items!(tax_categories, domain::catalog::tax::TaxCategory, "taxes",
    "/projects/{projectId}/tax-categories", "/projects/{projectId}/tax-categories/{key}", key;
    list_tax_categories "List tax categories", get_tax_category "One tax category",
    put_tax_category "Set a tax category", remove_tax_category "Remove a tax category");
items!(tax_rates, domain::catalog::tax::TaxRate, "taxes",
    "/projects/{projectId}/tax-rates", "/projects/{projectId}/tax-rates/{key}", key;
    list_tax_rates "List tax rates", get_tax_rate "One tax rate", put_tax_rate "Set a tax rate",
    remove_tax_rate "Remove a tax rate");
