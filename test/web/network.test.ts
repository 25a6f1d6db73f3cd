import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createPagePod } from '../support/page-net.ts'
import { createPageStage, heading, type PageStage } from '../support/page-stage.ts'

describe('the web page over a real network, in Chromium', function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  it('carries a letter from one page to another, over a real network', async () => {
    await using pod = await createPagePod()
    await using aliceNode = await pod.join('alice')
    await using bobNode = await pod.join('bob')
    await using alice = await stage.openOn(aliceNode.client, 'alice@one.test')
    await using bob = await stage.openOn(bobNode.client, 'bob@one.test')
    await heading(bob.page, 'Inbox').waitFor()
    await alice.page.getByRole('button', { name: 'New letter' }).click()
    await alice.page.getByLabel('To', { exact: true }).fill('bob@one.test')
    await alice.page.getByLabel('Subject').fill('Hello')
    await alice.page.getByRole('textbox', { name: 'Letter' }).fill('Dear Bob')
    await alice.page.getByText('Known to the pod').waitFor()
    await alice.page.getByRole('button', { name: 'Send' }).click()
    await heading(alice.page, 'Sent').waitFor()
    // Bob does not know her: nothing of her letter is fetched before he lets her in.
    await bob.page.getByRole('link', { name: 'Requests' }).click()
    await bob.page.getByText('alice@one.test').first().waitFor()
    await bob.tab.shot('requests')
    assert.deepEqual(await stage.flaws(bob.page), [])
    assert.deepEqual(await bobNode.client.inbox(), [])
    await bob.page.getByRole('button', { name: 'Let in' }).click()
    await bob.page.getByRole('link', { name: 'Inbox' }).click()
    await bob.page.getByText('Hello').first().click()
    await bob.page.locator('.letter-body').getByText('Dear Bob').waitFor()
    await bob.page.getByRole('button', { name: 'Reply' }).click()
    await bob.page.getByRole('textbox', { name: 'Letter' }).fill('Dear Alice')
    await bob.page.getByRole('button', { name: 'Send' }).click()
    await alice.page.getByText('Accepted').first().waitFor()
    await alice.page.getByRole('link', { name: 'Inbox' }).click()
    await alice.page.getByText('Re: Hello').or(alice.page.getByText('Hello')).first().click()
    await alice.page.locator('.letter-body').getByText('Dear Alice').waitFor()
    await alice.tab.shot('conversation')
    assert.deepEqual([...alice.tab.complaints, ...bob.tab.complaints], [])
  })

  it('carries a file: dropped, paused, sent, fetched and saved, and the same at the end', async () => {
    await using pod = await createPagePod()
    await using aliceNode = await pod.join('alice')
    await using alice = await stage.openOn(aliceNode.client, 'alice@one.test')
    const { page } = alice
    const bytes = randomBytes(3 * 1_024 * 1_024 + 7)
    await page.getByRole('button', { name: 'New letter' }).click()
    await page.getByLabel('Subject').fill('The film')
    const dataTransfer = await page.evaluateHandle(base64 => {
      const given = new DataTransfer()
      const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
      given.items.add(new File([bytes], 'Grüße <b>.mp4', { type: 'video/mp4' }))
      return given
    }, bytes.toString('base64'))
    await page.dispatchEvent('form.editor', 'dragover', { dataTransfer })
    await alice.tab.shot('file-over')
    await page.dispatchEvent('form.editor', 'drop', { dataTransfer })
    // With a pod alone there are too few holders: it goes on when Bob is there.
    const row = page.locator('.file-row')
    await row.getByRole('progressbar').waitFor()
    await row.getByRole('button', { name: 'Pause' }).click()
    await row.getByText('paused').waitFor()
    await alice.tab.shot('file-paused')
    assert.deepEqual(await stage.flaws(page), [])
    await using bobNode = await pod.join('bob')
    await using bob = await stage.openOn(bobNode.client, 'bob@one.test')
    await row.getByRole('button', { name: 'Go on' }).click()
    await row.getByText('· stored').waitFor()
    await page.getByLabel('To', { exact: true }).fill('bob@one.test')
    await page.getByRole('textbox', { name: 'Letter' }).fill('Here it is')
    await page.getByText('Known to the pod').waitFor()
    await page.getByRole('button', { name: 'Send' }).click()
    await heading(page, 'Sent').waitFor()

    await bob.page.getByRole('link', { name: 'Requests' }).click()
    await bob.page.getByRole('button', { name: 'Let in' }).click()
    await bob.page.getByRole('link', { name: 'Inbox' }).click()
    await bob.page.getByText('The film').first().click()
    const got = bob.page.locator('.file-row')
    await got.getByText('in the network').waitFor()
    await got.getByRole('button', { name: 'Fetch', exact: true }).click()
    await got.getByText('here, checked piece by piece').waitFor()
    await bob.tab.shot('file-received')
    assert.deepEqual(await stage.flaws(bob.page), [])
    const download = bob.page.waitForEvent('download')
    await got.getByRole('button', { name: 'Save' }).click()
    const saved = await readFile(await (await download).path())
    assert.ok(saved.equals(bytes), `${saved.byteLength} of ${bytes.byteLength} bytes`)
    await page.getByRole('link', { name: 'The film' }).click()
    await page.locator('.file-row').getByText('3 MiB').waitFor()
    assert.deepEqual([...alice.tab.complaints, ...bob.tab.complaints], [])
  })
})
