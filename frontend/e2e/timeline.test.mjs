// The timeline strip above the list, and pins. Needs a server with at least four snapshots that were taken by hand.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, url } from './browser.mjs'
import { near, pixels, until } from './look.mjs'

let browser, page, problems

before(async () => {
  ;({ browser, page, problems } = await launch())
})
after(() => browser?.close())

const accent = near(0x1463b3)

async function api(path) {
  const answer = await fetch(`${url}/api/performance/${path}`)
  assert.equal(answer.status, 200, `${path} answers ${answer.status}`)
  return answer.json()
}

const canvas = () => page.getByTestId('strip').locator('canvas')
const listed = async () => (await page.getByTestId('row').locator('.mono').allTextContents()).sort()

async function openList() {
  await page.goto(url)
  await page.getByTestId('row').first().waitFor()
  await canvas().waitFor()
  await until('the strip to be drawn', async () => (await pixels(canvas(), accent)) > 20)
}

/** Points at where a snapshot must be on the whole timeline: the same place whatever draws it. Gives the place and whom the tip names:
 * the worst where several share a few pixels. */
async function pointAt(snapshots, s) {
  const box = await canvas().boundingBox()
  const [first, last, own] = [snapshots[0], snapshots.at(-1), s].map((x) => Date.parse(x.timestamp))
  const margin = Math.max(30_000, (last - first) * 0.02)
  const lane = ['incident', 'threshold', 'scheduled', 'manual'].filter((t) => snapshots.some((x) => x.trigger_type === t)).indexOf(s.trigger_type)
  const x = box.x + 96 + ((own - first + margin) / (last - first + 2 * margin)) * (box.width - 96 - 14)
  const y = box.y + 16 + 18 * (lane + 0.5)
  await page.mouse.move(x, y)
  await page.getByTestId('strip-tip').waitFor()
  return { x, y, id: await page.getByTestId('strip-tip').getAttribute('data-id') }
}

test('draws a tick for what was captured and a line of the latency', async () => {
  await openList()
  const { snapshots } = await api('timeline')
  assert.ok(snapshots.length >= 4, `the timeline has ${snapshots.length} snapshots`)
  await page.getByTestId('strip-summary').getByText(`${snapshots.length} snapshots`).waitFor()
  const box = await canvas().boundingBox()
  // Ticks stand in the lanes at the top, the line in the lower part; each must be there by itself.
  const severity = { low: 0x5b6876, medium: 0x3f74c7, high: 0x5b3fa8, critical: 0xb4500a }
  for (const s of new Set(snapshots.map((x) => x.severity))) {
    const drawn = await pixels(canvas(), (r, g, b, x, y) => x > 92 && y > 16 && y < box.height - 84 && near(severity[s])(r, g, b))
    assert.ok(drawn >= 8, `${drawn} pixels have the colour of ${s}`)
  }
  const line = await pixels(canvas(), (r, g, b, x, y) => x > 92 && y > box.height - 76 && accent(r, g, b))
  assert.ok(line > 20, `the line of the latency has ${line} pixels`)
})

test('a brush filters the list, and the address holds the span', async () => {
  await openList()
  const { snapshots } = await api('timeline')
  const newest = await pointAt(snapshots, snapshots.at(-1))
  const oldest = await pointAt(snapshots, snapshots[0])
  assert.equal(oldest.id, snapshots[0].snapshot_id)
  await page.mouse.move(oldest.x - 12, oldest.y)
  await page.mouse.down()
  await page.mouse.move((oldest.x + newest.x) / 2, oldest.y, { steps: 4 })
  await page.mouse.up()
  await page.waitForURL(/since=.*until=/)
  const search = new URL(page.url()).searchParams
  const inside = snapshots.filter((s) => s.timestamp >= search.get('since') && s.timestamp < search.get('until')).map((s) => s.snapshot_id)
  assert.ok(inside.length > 0 && inside.length < snapshots.length && inside.includes(snapshots[0].snapshot_id), `${inside.length} of ${snapshots.length} are in the span`)
  await until('the list of the span', async () => String(await listed()) === String([...inside].sort()))
  await page.reload()
  await until('the list of the span after a reload', async () => String(await listed()) === String([...inside].sort()))
  await page.getByRole('button', { name: 'List all times' }).click()
  await until('the whole list', async () => (await listed()).length === Math.min(50, snapshots.length))
  assert.doesNotMatch(page.url(), /since|until/)
})

test('a click opens, Shift-click makes a comparison', async () => {
  await openList()
  const { snapshots } = await api('timeline')
  const [first, last] = [snapshots[0].snapshot_id, snapshots.at(-1).snapshot_id]
  const place = await pointAt(snapshots, snapshots[0])
  await page.keyboard.down('Shift')
  await page.mouse.click(place.x, place.y)
  await page.keyboard.up('Shift')
  assert.equal(await page.getByTestId('compare').getAttribute('href'), `/compare/${first}...${last}`)
  assert.equal(new URL(page.url()).pathname, '/')
  await page.mouse.click(place.x, place.y)
  await page.waitForURL(`${url}/snapshots/${first}`)
})

test('the wheel zooms at the pointer', async () => {
  await openList()
  const { snapshots } = await api('timeline')
  const { id, ...place } = await pointAt(snapshots, snapshots[0])
  await page.mouse.wheel(0, -120)
  await page.mouse.wheel(0, -120)
  await page.waitForURL(/zoom=/)
  await page.mouse.move(place.x - 1, place.y)
  assert.equal(await page.getByTestId('strip-tip').getAttribute('data-id'), id, 'the tick left its place under the pointer')
  const [from, to] = new URL(page.url()).searchParams.get('zoom').split('~').map((t) => Date.parse(t))
  const all = Date.parse(snapshots.at(-1).timestamp) - Date.parse(snapshots[0].timestamp)
  assert.ok(to - from < 0.75 * all, `${to - from} of ${all} ms are shown`)
  await page.getByRole('button', { name: 'Show the whole timeline' }).click()
  await page.waitForURL((u) => !u.search.includes('zoom'))
})

test('the keys walk over the ticks and open one', async () => {
  await openList()
  const { snapshots } = await api('timeline')
  const strip = page.getByTestId('strip')
  await strip.focus()
  const selected = async (id) => page.getByTestId('strip-selected').getByRole('link', { name: id }).waitFor()
  await page.keyboard.press('Home')
  await selected(snapshots[0].snapshot_id)
  assert.equal(await strip.getAttribute('aria-valuenow'), '1')
  await page.keyboard.press('ArrowRight')
  await selected(snapshots[1].snapshot_id)
  await page.keyboard.press('End')
  await page.keyboard.press('ArrowLeft')
  await selected(snapshots.at(-2).snapshot_id)
  assert.match(await strip.getAttribute('aria-valuetext'), /UTC, \w+, severity \w+, mean latency/)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${url}/snapshots/${snapshots.at(-2).snapshot_id}`)
})

test('a new snapshot appears without a reload', async () => {
  await openList()
  const known = (await api('timeline')).snapshots.length
  await page.getByTestId('strip-summary').getByText(`${known} snapshots`).waitFor()
  const answer = await fetch(`${url}/api/performance/snapshots`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"trigger_type":"manual","description":"for the timeline"}' })
  assert.equal(answer.status, 201)
  await page.getByTestId('strip-summary').getByText(`${known + 1} snapshots`).waitFor()
})

test('pins with a note, by keyboard alone, and gives the focus back', async () => {
  const { snapshot_id: id } = (await api('timeline')).snapshots[0]
  await page.goto(`${url}/snapshots/${id}`)
  const pin = page.getByTestId('pin')
  await pin.locator('summary').focus()
  await page.keyboard.press('Enter')
  const note = pin.getByLabel('Why is it kept?')
  await until('the note to have the focus', () => note.evaluate((e) => e === document.activeElement))
  await page.keyboard.type('never mind')
  await page.keyboard.press('Escape')
  assert.equal(await note.isVisible(), false)
  assert.ok(await pin.locator('summary').evaluate((e) => e === document.activeElement), 'the focus is lost after Escape')
  assert.match(page.url(), /snapshots/, 'Escape left the page')
  assert.equal((await api(`snapshots/${id}`)).pin, null)

  await page.keyboard.press('Enter')
  await note.fill('before the release, cedilla ç')
  await page.keyboard.press('Enter')
  await page.getByTestId('pinned').waitFor()
  assert.equal((await api(`snapshots/${id}`)).pin.note, 'before the release, cedilla ç')
  assert.match(await page.getByTestId('pinned').getAttribute('title'), /before the release, cedilla ç/)
  const unpin = pin.getByRole('button', { name: 'Unpin' })
  await until('the focus on the button in the old place', () => unpin.evaluate((e) => e === document.activeElement))
  await page.keyboard.press('Enter')
  await page.getByTestId('pinned').waitFor({ state: 'detached' })
  assert.equal((await api(`snapshots/${id}`)).pin, null)
  await until('the focus on the button in the old place', () => pin.locator('summary').evaluate((e) => e === document.activeElement))
})

test('no error reached the console', () => {
  assert.deepEqual(problems, [])
})
