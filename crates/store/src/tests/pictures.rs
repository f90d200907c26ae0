//! Pictures of listings and releases: what goes out was painted here.

use std::io::Cursor;

use axum::body::Body;
use base64::Engine;
use http::{Method, Request, StatusCode, header};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};

use super::kit::{Answer, GCODE, Kit};

/// Red, half of it transparent.
fn painted(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut image = RgbaImage::from_pixel(width, height, Rgba([200, 0, 0, 255]));
    for (x, _, pixel) in image.enumerate_pixels_mut() {
        if x < width / 2 {
            *pixel = Rgba([0, 0, 0, 0]);
        }
    }
    let mut image = DynamicImage::from(image);
    if format == ImageFormat::Jpeg {
        image = image.to_rgb8().into();
    }
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

async fn send(kit: &Kit, who: &str, listing: &str, query: &str, file: impl Into<Body>) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1/listings/{listing}/pictures{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {who}"))
        .header(header::CONTENT_TYPE, "image/svg+xml")
        .body(file.into())
        .unwrap();
    kit.send(request).await
}

fn assert_safe(answer: &Answer, media_type: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.headers[header::CONTENT_TYPE], media_type);
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert!(answer.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("inline; filename="));
    assert!(answer.headers.contains_key(header::ETAG));
}

#[tokio::test]
async fn pictures_come_back_painted_anew_in_two_sizes_with_nothing_of_the_file() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let mut file = painted(2000, 1000, format);
        file.extend_from_slice(b"<script>alert(1)</script> GPS-MARK");
        let answer = send(&kit, &seller, &listing, "?alt=From%20above", file).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{format:?} {}", answer.text());
        let picture = answer.json();
        assert_eq!((&picture["width"], &picture["height"]), (&json!(1600), &json!(800)));
        assert_eq!(picture["alt"], "From above");
        for (field, side) in [("url", 1600), ("small_url", 480)] {
            let sent = kit.get(picture[field].as_str().unwrap(), "").await;
            assert_safe(&sent, "image/jpeg");
            let read = image::load_from_memory_with_format(&sent.body, ImageFormat::Jpeg).unwrap();
            assert_eq!(read.width(), side);
            assert!(!sent.text().contains("MARK"));
        }
    }
    let shown = kit.get(&format!("/api/v1/listings/{listing}"), "").await.json();
    assert_eq!(shown["pictures"].as_array().unwrap().len(), 3);
    let page = kit.get("/api/v1/listings", "").await.json();
    assert_eq!(page["listings"][0]["pictures"], shown["pictures"]);
}

#[tokio::test]
async fn what_is_transparent_stands_on_white_and_a_camera_s_turn_is_made() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let picture = send(&kit, &seller, &listing, "", painted(100, 100, ImageFormat::Png)).await.json();
    let sent = kit.get(picture["url"].as_str().unwrap(), "").await;
    let read = image::load_from_memory(&sent.body).unwrap().to_rgb8();
    assert!(read.get_pixel(10, 50).0.iter().all(|part| *part > 245));
    assert!(read.get_pixel(90, 50).0[1] < 30);
    // EXIF says: turned by a quarter.
    let mut turned = painted(200, 100, ImageFormat::Jpeg);
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let segment: Vec<u8> = [&[0xff, 0xe1][..], &length, exif].concat();
    turned.splice(2..2, segment);
    let picture = send(&kit, &seller, &listing, "", turned).await.json();
    assert_eq!((&picture["width"], &picture["height"]), (&json!(100), &json!(200)));
}

#[tokio::test]
async fn what_is_no_picture_or_a_trap_is_refused_and_leaves_nothing() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    let mut bomb = painted(16, 16, ImageFormat::Png);
    // The header says 65000 by 65000.
    bomb[16..20].copy_from_slice(&65_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&65_000_u32.to_be_bytes());
    let mut cut = painted(400, 400, ImageFormat::Png);
    cut.truncate(cut.len() / 2);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for (file, codes) in [
        (svg, vec!["picture_format"]),
        (b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), vec!["picture_format"]),
        (b"<html><script>alert(1)</script>".to_vec(), vec!["picture_format"]),
        (Vec::new(), vec!["picture_format"]),
        (bomb, vec!["picture_too_large", "picture_broken"]),
        (cut, vec!["picture_broken"]),
        (painted(10, 500, ImageFormat::Png), vec!["picture_too_small"]),
    ] {
        let (status, code) = send(&kit, &seller, &listing, "", file).await.problem();
        assert_eq!(status, 422);
        assert!(codes.contains(&code.as_str()), "{code}");
    }
    let huge = vec![0; (12 << 20) + 1];
    assert_eq!(
        send(&kit, &seller, &listing, "", huge).await.problem(),
        (413, "picture_file_too_large".to_owned())
    );
    let shown = kit.get(&format!("/api/v1/listings/{listing}"), "").await.json();
    assert_eq!(shown.get("pictures"), None);
}

#[tokio::test]
async fn a_listing_has_eight_pictures_in_its_publisher_s_order() {
    let kit = Kit::new().await;
    let (seller, stranger) = (kit.person("sel").await, kit.person("str").await);
    let listing = kit.listing(&seller, json!({})).await;
    let file = painted(40, 30, ImageFormat::Png);
    let refused = send(&kit, &stranger, &listing, "", file.clone()).await;
    assert_eq!(refused.problem(), (403, "not_your_listing".to_owned()));
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(send(&kit, &seller, &listing, "", file.clone()).await.string("id"));
    }
    let ninth = send(&kit, &seller, &listing, "", file.clone()).await;
    assert_eq!(ninth.problem(), (409, "too_many_pictures".to_owned()));
    let path = format!("/api/v1/listings/{listing}/pictures");
    ids.reverse();
    let order: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let put = async |who: &str, pictures: &[Value]| {
        kit.call(Method::PUT, &path, who, Some(json!({ "pictures": pictures }))).await
    };
    assert_eq!(put(&stranger, &order).await.problem(), (403, "not_your_listing".to_owned()));
    assert_eq!(put(&seller, &order[1..]).await.problem(), (422, "invalid".to_owned()));
    let twice: Vec<_> = order[1..].iter().chain(&order[1..2]).cloned().collect();
    assert_eq!(put(&seller, &twice).await.problem(), (422, "invalid".to_owned()));
    assert_eq!(put(&seller, &order).await.status, StatusCode::OK);
    let shown = async || {
        let listing = kit.get(&format!("/api/v1/listings/{listing}"), "").await.json();
        let pictures = listing["pictures"].as_array().unwrap().clone();
        pictures.iter().map(|picture| picture["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ids);
    let one = format!("{path}/{}", ids[0]);
    assert_eq!(kit.call(Method::DELETE, &one, &stranger, None).await.problem().0, 403);
    assert_eq!(kit.call(Method::DELETE, &one, &seller, None).await.status, StatusCode::OK);
    assert_eq!(kit.call(Method::DELETE, &one, &seller, None).await.problem().0, 404);
    assert_eq!(shown().await, ids[1..]);
    assert_eq!(kit.get(&format!("/api/v1/pictures/{}", ids[0]), "").await.problem().0, 404);
    assert_eq!(send(&kit, &seller, &listing, "", file).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn pictures_of_what_was_taken_down_are_for_those_who_have_it() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buy").await);
    let operator = kit.operator().await;
    kit.bought(&seller, &buyer, json!({"id": "part"})).await;
    let picture = send(&kit, &seller, "part", "", painted(40, 30, ImageFormat::Png)).await.json();
    let url = picture["url"].as_str().unwrap();
    assert_eq!(kit.get(url, "").await.status, StatusCode::OK);
    kit.call(Method::PATCH, "/api/v1/listings/part", &operator, Some(json!({"state": "suspended"}))).await;
    assert_eq!(kit.get(url, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(kit.get(url, &buyer).await.status, StatusCode::OK);
}

/// A G-code file with this as its slicer's picture.
fn sliced(pictures: &[(u32, &str, &[u8])]) -> Vec<u8> {
    let mut text = String::from("; generated by PrusaSlicer 2.5.0\n");
    for (side, name, picture) in pictures {
        let base64 = base64::prelude::BASE64_STANDARD.encode(picture);
        text.push_str(&format!("; {name} begin {side}x{side} {}\n", base64.len()));
        for line in base64.as_bytes().chunks(78) {
            text.push_str(&format!("; {}\n", std::str::from_utf8(line).unwrap()));
        }
        text.push_str(&format!("; {name} end\n"));
    }
    [text.into_bytes(), GCODE.to_vec()].concat()
}

#[tokio::test]
async fn what_a_slicer_drew_is_painted_anew_before_anybody_sees_it() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let listing = kit.listing(&seller, json!({})).await;
    // Begins and ends like a PNG, with a page in its middle.
    let good = painted(64, 64, ImageFormat::Png);
    let mut trap = good[..33].to_vec();
    trap.extend_from_slice(b"<script>alert('MARK')</script>");
    trap.extend_from_slice(&good[good.len() - 12..]);
    let mut noted = good.clone();
    let end = noted.len() - 12;
    let text = b"tEXtComment\0GPS-MARK";
    let mut chunk = (u32::try_from(text.len() - 4).unwrap()).to_be_bytes().to_vec();
    chunk.extend_from_slice(text);
    chunk.extend_from_slice(&crc32(text).to_be_bytes());
    noted.splice(end..end, chunk);
    let file = sliced(&[(300, "thumbnail", &trap), (64, "thumbnail", &noted)]);
    let release = kit.publish(&seller, json!({"listing": listing, "version": "1.0.0"}), &file).await;
    assert_eq!(release.status, StatusCode::CREATED, "{}", release.text());
    let url = release.json()["preview"]["thumbnail_url"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let sent = kit.get(&url, "").await;
        assert_safe(&sent, "image/png");
        assert!(!sent.text().contains("MARK"));
        let read = image::load_from_memory_with_format(&sent.body, ImageFormat::Png).unwrap();
        assert_eq!(read.width(), 64, "the one that is no picture was passed over");
        assert_eq!(read.to_rgba8().get_pixel(1, 1).0[3], 0, "what was transparent stays so");
    }
    let etag = kit.get(&url, "").await.headers[header::ETAG].clone();
    let request =
        Request::builder().uri(&url).header(header::IF_NONE_MATCH, etag).body(Body::empty()).unwrap();
    assert_eq!(kit.send(request).await.status, StatusCode::NOT_MODIFIED);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
