//! A clip with every field that the spec documents, as one would write it by hand: strings where the client has types of its own.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
pub(crate) struct Clip {
    arc_clip_task_id: Option<String>,
    auto_hook: Option<AutoHook>,
    clip_copilot_task_id: Option<String>,
    clip_keywords: Option<Value>,
    created_at: Option<String>,
    curation_id: Option<String>,
    defects: Option<Vec<Value>>,
    description: Option<String>,
    duration_ms: Option<i64>,
    genre: Option<String>,
    hashtags: Option<String>,
    id: String,
    is_bonus_clip: Option<bool>,
    judge_result: Option<JudgeResult>,
    keywords: Option<Vec<String>>,
    org_id: Option<String>,
    product_tier: Option<String>,
    project_id: Option<String>,
    prompt_name: Option<String>,
    rank: Option<f64>,
    render_as_adobe_xml: Option<Value>,
    render_as_video_file: Option<RenderTask>,
    render_as_video_file4_k: Option<Value>,
    render_as_video_preview: Option<RenderTask>,
    render_pref: Option<RenderPreferences>,
    run_id: Option<String>,
    score: Option<f64>,
    storage_expire_at: Option<String>,
    storage_used: Option<i64>,
    subgenre: Option<String>,
    text: Option<String>,
    time_ranges: Option<Vec<(f64, f64)>>,
    title: Option<String>,
    updated_at: Option<String>,
    uri_for_export: Option<String>,
    uri_for_export4_k: Option<String>,
    uri_for_preview: Option<String>,
    uri_for_thumbnail: Option<String>,
    user_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct RenderPreferences {
    caption_animation: Option<CaptionAnimation>,
    caption_position: Option<String>,
    caption_style: Option<String>,
    disable_fill_layout: Option<bool>,
    disable_fit_layout: Option<bool>,
    disable_screen_overlay: Option<bool>,
    emoji_style: Option<EmojiStyle>,
    enable_auto_layout: Option<bool>,
    enable_auto_transition: Option<bool>,
    enable_broll: Option<bool>,
    enable_caption: Option<bool>,
    enable_caption_animation: Option<bool>,
    enable_crop: Option<bool>,
    enable_emoji: Option<bool>,
    enable_fill_layout: Option<bool>,
    enable_fit_layout: Option<bool>,
    enable_four_layout: Option<bool>,
    enable_game_layout: Option<bool>,
    enable_highlight: Option<bool>,
    enable_screen_layout: Option<bool>,
    enable_screen_overlay: Option<bool>,
    enable_split_layout: Option<bool>,
    enable_three_layout: Option<bool>,
    enable_uppercase: Option<bool>,
    enable_visual_hook: Option<bool>,
    enable_voice_enhancement: Option<bool>,
    enable_watermark: Option<bool>,
    fit_layout_crop_ratio: Option<String>,
    font: Option<Font>,
    highlight_color: Option<HighlightColor>,
    layout_aspect_ratio: Option<String>,
    layout_type: Option<String>,
    remove_filler_word: Option<FillerWordRemoval>,
    remove_pause: Option<PauseRemoval>,
    screen_overlay: Option<Value>,
    screen_overlay_file_id: Option<String>,
    screen_overlays: Option<Vec<ScreenOverlay>>,
    selected_transitions: Option<Vec<String>>,
    skip_reframe: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Font {
    color: Option<String>,
    family: Option<String>,
    id: Option<String>,
    name: Option<String>,
    numerical_size: Option<f64>,
    path: Option<String>,
    shadow: Option<Shadow>,
    size: Option<String>,
    stroke: Option<Stroke>,
    style: Option<Vec<String>>,
    text_decoration: Option<String>,
    #[serde(rename = "type")]
    type_: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Stroke {
    color: Option<String>,
    enabled: Option<bool>,
    width: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Shadow {
    blur: Option<f64>,
    color: Option<String>,
    enabled: Option<bool>,
    use_word_highlight_color: Option<bool>,
    x: Option<f64>,
    y: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct HighlightColor {
    primary: Option<String>,
    secondary: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct CaptionAnimation {
    bg_color: Option<String>,
    highlight_color: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct EmojiStyle {
    pos: Option<Value>,
    rect: Option<Rect>,
    scale_x: Option<f64>,
    scale_y: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Rect {
    h_pct: Option<f64>,
    #[serde(rename = "type")]
    type_: Option<String>,
    w_pct: Option<f64>,
    x_pct: Option<f64>,
    y_pct: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct ScreenOverlay {
    object: Option<StoredObject>,
    rect: Option<Rect>,
    style: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct StoredObject {
    bucket: Option<String>,
    content_type: Option<String>,
    crc32c: Option<String>,
    display_name: Option<String>,
    etag: Option<String>,
    generation: Option<Value>,
    id: Option<String>,
    kind: Option<String>,
    md5_hash: Option<String>,
    media_link: Option<String>,
    metageneration: Option<Value>,
    name: Option<String>,
    self_link: Option<String>,
    size: Option<Value>,
    storage_class: Option<String>,
    time_created: Option<Value>,
    time_storage_class_updated: Option<Value>,
    updated: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct FillerWordRemoval {
    enabled: Option<bool>,
    selected_fillers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PauseRemoval {
    enabled: Option<bool>,
    pause_duration: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct AutoHook {
    text_overlay: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct JudgeResult {
    coherence_score: Option<f64>,
    connection_score: Option<f64>,
    curved_score: Option<f64>,
    hook_comment: Option<String>,
    hook_score: Option<f64>,
    score: Option<f64>,
    sponsorship_score: Option<f64>,
    trend_score: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct RenderTask {
    concluded_at: Option<String>,
    pending: Option<bool>,
}
