// Takes the picture of the README: node e2e/screenshot.mjs FILE [PATH]
import { launch, url } from './browser.mjs'

const [file, path = '/snapshots/latest'] = process.argv.slice(2)
if (!file) {
  console.error('usage: npm run screenshot -- FILE [PATH]')
  process.exit(2)
}
const { browser, page } = await launch()
await page.goto(url + path)
await page.getByTestId('graph').or(page.getByTestId('row').first()).waitFor()
await page.waitForTimeout(1500) // sigma fades its labels in
await page.screenshot({ path: file })
await browser.close()
