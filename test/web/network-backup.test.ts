import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeNetwork } from '../../src/config/network.ts'
import { fakeWords } from '../support/fake-client.ts'
import { fakePassphrase, nothingMade } from '../support/fake-house.ts'
import { openHouse } from '../support/page-house.ts'
import { createPagePod } from '../support/page-net.ts'
import { createPageStage, heading, type PageStage, press } from '../support/page-stage.ts'
import { choosePassphrase, keepWords } from '../support/page-words.ts'

const weekly = 'Make one every week, while your node runs and is unlocked'
const inNetwork = 'In the network, where the twelve words find it'

describe('the backup in the network on the web page, in Chromium', function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  it('is made now or every week, shows how far it is, and when the last one ends', async () => {
    await using tab = await stage.open()
    const { page, house, client } = tab
    await tab.to('#/settings')
    await heading(page, 'Backup in the network').waitFor()
    await page.getByText('None is there.').waitFor()
    await page.getByLabel(weekly).click()
    await page.getByText('Saved.').waitFor()
    assert.deepEqual(house.calls.at(-1), ['change', { networkBackup: 'weekly' }])
    assert.equal(await page.getByLabel(weekly).isChecked(), true)

    await press(page, 'Make one now')
    await page.getByText('Storing: 97.7 KiB of 293 KiB, 1 s left.').waitFor()
    await heading(page, 'Backup in the network').scrollIntoViewIfNeeded()
    await tab.shot('network-backup')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Cancel')
    await page.getByRole('button', { name: 'Make one now' }).waitFor()

    await press(page, 'Make one now')
    await page.getByText('Storing:').waitFor()
    client.network.stand()
    await page.getByText(/^The last one, of 293 KiB, was made .*; it ends in 90 days\.$/).waitFor()
    client.network.fail()
    await page.getByText('A backup of more than 5 bytes is not stored').waitFor()
    await page.getByText('Save the backup in a file').waitFor()
    assert.equal(await page.getByText('`muttr').count(), 0)
    await page.getByLabel(weekly).click()
    await page.getByText('Saved.').last().waitFor()
    assert.equal(await page.getByLabel(weekly).isChecked(), false)
    const asked = client.calls.filter(([name]) => `${name}`.endsWith('NetworkBackup'))
    assert.deepEqual(asked, [['makeNetworkBackup'], ['cancelNetworkBackup'], ['makeNetworkBackup']])
    assert.deepEqual(tab.complaints, [])
  })

  it('is begun only when the person has the words, and not where another device makes it', async () => {
    await using tab = await stage.open({ setup: { backupMs: null }, width: 390, height: 800 })
    const { page, house, client } = tab
    await tab.to('#/settings')
    await press(page, 'Make one now')
    await heading(page, 'First, your twelve words').waitFor()
    await press(page, 'Close')
    await page.getByLabel(weekly).click()
    await heading(page, 'First, your twelve words').waitFor()
    await press(page, 'Close')
    assert.equal(await page.getByLabel(weekly).isChecked(), false)
    assert.deepEqual(
      [...client.calls, ...house.calls].filter(([name]) => /NetworkBackup|change/.test(`${name}`)),
      []
    )
    await press(page, 'Make one now')
    await keepWords(page, fakePassphrase)
    await page.getByText('Storing:').waitFor()
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(await stage.flaws(page), [])
    await tab.shot('network-backup-phone')
    client.network.move()
    await page.getByText('Another of your devices makes it.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Make one now' }).count(), 0)
    assert.deepEqual(tab.complaints, [])
  })

  it('brings a person back by words and link, and can be stopped, on a screen as narrow as a phone', async () => {
    await using tab = await stage.open({ setup: nothingMade, width: 390, height: 800 })
    const { page, house } = tab
    await press(page, 'I have a backup')
    await page.getByLabel(inNetwork).check()
    await page.getByLabel('A link into your network').fill('muttr:wait')
    await page.getByLabel('Its twelve words').fill('some other words')
    await choosePassphrase(page, fakePassphrase)
    await press(page, 'Restore')
    await page.getByText('No backup of these words is in this network.').waitFor()
    await page.getByLabel('Its twelve words').fill(fakeWords)
    await press(page, 'Restore')
    await page.getByText(/^The backup of .*: 97\.7 KiB of 293 KiB\.$/).waitFor()
    await tab.shot('network-restore-phone')
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(await stage.flaws(page), [])
    const cancelled = house.cancelled()
    await press(page, 'Cancel')
    await cancelled
    await page.getByText('Cancelled.').waitFor()
    await page.getByLabel('A link into your network').fill('')
    await page.getByLabel('Network file').setInputFiles({
      ...{ name: 'network.json', mimeType: '', buffer: Buffer.from('{"name":"n"}') }
    })
    await press(page, 'Restore')
    await heading(page, 'Inbox').waitFor()
    assert.deepEqual(house.calls, [
      ['restoreFromNetwork', 'some other words', 'muttr:wait', null],
      ['restoreFromNetwork', fakeWords, 'muttr:wait', null],
      ['restoreFromNetwork', fakeWords, null, '{"name":"n"}']
    ])
    assert.deepEqual(tab.complaints, [])
  })

  it('goes out from one computer and comes home on another, over a real network', async () => {
    await using pod = await createPagePod()
    await using _seed = await pod.join('bob')
    const network = {
      name: 'network.json',
      mimeType: '',
      buffer: Buffer.from(writeNetwork(pod.network))
    }
    let words: string[]
    {
      await using tab = await openHouse(stage, join(pod.folder, 'carol'))
      const { page } = tab
      await page.getByLabel('Your name').fill('Carol')
      await choosePassphrase(page, fakePassphrase, 'Passphrase')
      await page.getByText('I have a key, or a network file').click()
      await page.getByLabel('Network file').setInputFiles(network)
      await press(page, 'Make my key')
      await press(page, 'Without a backup: if this disk dies, I start over')
      await page.getByLabel('Name').fill('Carol')
      await press(page, 'Take this address')
      await heading(page, 'Inbox').waitFor()
      await page.getByRole('link', { name: '2 neighbours' }).waitFor()
      await page.getByRole('link', { name: 'Settings' }).click()
      await press(page, 'Make one now')
      words = await keepWords(page, fakePassphrase)
      await page.getByText(/^The last one, of .*, was made .*; it ends in 90 days\.$/).waitFor()
      assert.deepEqual(tab.complaints, [])
    }
    await using tab = await openHouse(stage, join(pod.folder, 'again'))
    const { page } = tab
    await press(page, 'I have a backup')
    await page.getByLabel(inNetwork).check()
    await page.getByLabel('Network file').setInputFiles(network)
    await page.getByLabel('Its twelve words').fill(words.join(' '))
    await choosePassphrase(page, 'quite another one')
    await press(page, 'Restore')
    await heading(page, 'Inbox').waitFor()
    await page.getByText('carol@one.test').first().waitFor()
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByText(/^The last one was made/).waitFor()
    assert.deepEqual(tab.complaints, [])
  })
})
