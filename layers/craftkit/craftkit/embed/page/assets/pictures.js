// A picture from the person's machine: looked at for real, and made small enough to travel.

export const PICTURE_LIMIT = 5 * 1024 * 1024;
export const PICTURE_TYPES = "image/png,image/jpeg,image/webp,image/gif";

const AS_IT_IS = 400 * 1024;
const EDGE = 1600;
const SMALLEST_EDGE = 200;
const QUALITY = 0.88;

export class PictureError extends Error {}

/**
 * A `data:` URI of the picture in a file. What its name or the browser calls it counts for nothing:
 * it is decoded, and drawn again smaller where it is large. That leaves no place behind in it.
 */
export async function readPicture(file) {
  if (file.size > PICTURE_LIMIT) throw new PictureError("The picture is larger than 5 MB.");
  const type = typeOf(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  if (!type) throw new PictureError("This file is no PNG, JPEG, WebP or GIF picture.");
  const bitmap = await createImageBitmap(new Blob([file], { type })).catch(() => {
    throw new PictureError("This picture is broken and cannot be read.");
  });
  if (file.size <= AS_IT_IS && Math.max(bitmap.width, bitmap.height) <= EDGE * 2)
    return dataUri(new Blob([file], { type }));
  return dataUri(await smaller(bitmap, type === "image/jpeg" ? "image/jpeg" : "image/webp"));
}

function typeOf(head) {
  const text = String.fromCharCode(...head);
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (/^GIF8[79]a/.test(text)) return "image/gif";
  if (/^RIFF[\s\S]{4}WEBP/.test(text)) return "image/webp";
  return null;
}

async function smaller(bitmap, type) {
  let edge = Math.min(EDGE, Math.max(bitmap.width, bitmap.height));
  for (;;) {
    const share = edge / Math.max(bitmap.width, bitmap.height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * share));
    canvas.height = Math.max(1, Math.round(bitmap.height * share));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
    if (blob.size <= AS_IT_IS || edge <= SMALLEST_EDGE) return blob;
    edge = Math.round(edge * 0.75);
  }
}

function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new PictureError("This file cannot be read."));
    reader.readAsDataURL(blob);
  });
}
