// What tests of pictures share: a canvas can be blank without any error, so its pixels are looked at.
import { PNG } from 'pngjs'

/** Counts the pixels of an element for which is(red, green, blue, x, y) holds, or all where it is not given. */
export async function pixels(locator, is) {
  const png = PNG.sync.read(await locator.screenshot())
  let found = 0
  for (let y = 0; y < png.height; y++) {
    for (let x = 0; x < png.width; x++) {
      const i = (y * png.width + x) * 4
      if (is(png.data[i], png.data[i + 1], png.data[i + 2], x, y)) found++
    }
  }
  return found
}

/** Whether a colour is nearly another one, given as 0xRRGGBB. */
export const near = (color) => (r, g, b) => Math.abs(r - (color >> 16)) + Math.abs(g - ((color >> 8) & 255)) + Math.abs(b - (color & 255)) < 36

/** Asks again until the answer is true; says what was looked for where that takes too long. */
export async function until(what, ask, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((r) => setTimeout(r, 100))) if (await ask()) return
  throw new Error(`waited ${ms} ms for ${what}`)
}
