import type { Page } from 'playwright-core'
import { press } from './page-stage.ts'

/** Types the passphrase, reads the words and gives back the two that are asked for. @returns all of them */
export async function keepWords(
  page: Page,
  passphrase: string,
  onWords: () => Promise<void> = async () => {}
): Promise<string[]> {
  await page.getByLabel('Your passphrase').fill(passphrase)
  await press(page, 'Show the twelve words')
  await page.locator('.twelve li').nth(11).waitFor()
  const words = await page.locator('.twelve li').allTextContents()
  await onWords()
  await press(page, 'I have written them down')
  for (const box of await page.getByLabel(/^Word \d+$/).all()) {
    const label = await box.evaluate(input => (input as HTMLInputElement).labels![0]!.textContent)
    await box.fill(words[Number(label.slice(5)) - 1]!)
  }
  await press(page, 'Go on')
  return words
}

/** A passphrase for what is made on this computer, typed twice. */
export async function choosePassphrase(
  page: Page,
  passphrase: string,
  label = 'A passphrase for this computer'
): Promise<void> {
  await page.getByLabel(label, { exact: true }).fill(passphrase)
  await page.getByLabel('Once more').fill(passphrase)
}
