import assert from 'node:assert/strict'
import type { Entry, ReceivedAttachment } from '../../src/client/client.ts'
import { readJoinLink } from '../../src/config/join-link.ts'
import { readCode } from '../support/browser.ts'
import { alarmOf } from '../support/fake-letters.ts'
import { held, longConversation } from '../support/page-letters.ts'
import { createPageStage, heading, type PageStage, press } from '../support/page-stage.ts'

describe('letters and people in the web page, in Chromium', function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  const called = ({ calls }: { calls: unknown[][] }, name: string) =>
    calls.filter(([call]) => call === name)

  it('goes up a conversation of 3,000 letters with few of them in the page, and comes back down', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const long = longConversation(Date.now(), 3_000)
    client.opened.push(long)
    await tab.to(`#/inbox/${long.conversation.thread}`)
    const letter = (number: number) =>
      page.locator('.letter-body').filter({ hasText: new RegExp(`^Letter ${number} of`) })
    await letter(3_000).waitFor()
    const letters = page.locator('.letters')
    const first = async () =>
      Number(/Letter (\d+)/.exec((await page.locator('.letter-body').first().textContent())!)![1])
    let most = 0
    for (let top = await first(); top > 1; ) {
      // What was read stays where it is when older letters come in above it.
      const place = await letters.evaluate(box => {
        box.scrollTop = 0
        const seen = box.querySelector('.letter')!
        return { text: seen.textContent, top: seen.getBoundingClientRect().top }
      })
      await page.waitForFunction(from => {
        const [, now] = /Letter (\d+)/.exec(document.querySelector('.letter-body')!.textContent)!
        return Number(now) < from || now === '1'
      }, top)
      const moved = await letters.evaluate((box, { text, top }) => {
        const seen = [...box.querySelectorAll('.letter')].find(one => one.textContent === text)
        return seen ? Math.abs(seen.getBoundingClientRect().top - top) : 0
      }, place)
      assert.ok(moved < 3, `what was read moved by ${moved} px`)
      most = Math.max(most, await page.locator('.letter').count())
      top = await first()
    }
    assert.ok(most <= 400, `${most} letters were in the page`)
    assert.equal(await page.getByRole('button', { name: 'Older letters' }).count(), 0)
    await letters.evaluate(box => box.scrollTo(0, box.scrollHeight / 2))
    await page.waitForFunction(() => {
      const box = document.querySelector('.letters')!.getBoundingClientRect()
      const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
      return middle?.closest('.letter') != null
    })
    await tab.shot('long-conversation')
    await letters.evaluate(box => box.scrollTo(0, box.scrollHeight))
    await letter(3_000).waitFor()
    const fresh = { ...(long.letters.at(-1)! as Entry & { direction: 'in' }) }
    long.letters.push({ ...fresh, id: 'cd'.repeat(32), body: 'Letter 3001 of many.' })
    client.emit({ type: 'opened', letter: fresh.id, from: 'bob@two.test', ms: 1 })
    await letter(3_001).waitFor()
    assert.equal(await letter(3_000).count(), 1)
    assert.deepEqual(tab.complaints, [])
  })

  it('deletes a letter for good, after a question', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const { conversation, letters } = client.opened[0]!
    const [doomed] = letters
    const before = letters.length
    await tab.to(`#/inbox/${conversation.thread}`)
    const articles = page.locator('article.letter')
    await articles.nth(before - 1).waitFor()
    await articles.first().getByText('Details').click()
    await articles.first().getByRole('button', { name: 'Delete' }).click()
    await heading(page, 'Delete this letter?').waitFor()
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Keep it')
    assert.deepEqual(called(client, 'delete'), [])
    await articles.first().getByRole('button', { name: 'Delete' }).click()
    await press(page, 'Delete it')
    await page.getByText('Deleted.').waitFor()
    assert.deepEqual(called(client, 'delete'), [['delete', doomed!.id]])
    await articles.nth(before - 1).waitFor({ state: 'detached' })
    while (letters.length > 0) {
      const one = articles.first()
      const count = await articles.count()
      await one.locator('summary').first().click()
      await one.getByRole('button', { name: 'Delete' }).click()
      await press(page, 'Delete it')
      await articles.nth(count - 1).waitFor({ state: 'detached' })
    }
    await page.getByText('Choose a conversation').waitFor()
    assert.deepEqual(tab.complaints, [])
  })

  it('shows what a restored mailbox holds back, and lets it go', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const { conversation, letters } = client.opened[0]!
    const own = letters.find(letter => letter.direction === 'out')!
    Object.assign(own, { state: 'queued', accepted: null, waiting: held(Date.now()) })
    await tab.to(`#/inbox/${conversation.thread}`)
    await page.getByText('This mailbox came out of a backup.').waitFor()
    await tab.shot('held-letter')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Send it')
    await page.getByText('On its way.').waitFor()
    assert.deepEqual(called(client, 'resend'), [['resend', own.id]])
    await page.getByText('This mailbox came out of a backup.').waitFor({ state: 'detached' })
  })

  it('writes what has expired again, and leads from a sent letter to what it says', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const { conversation, letters } = client.opened[0]!
    const own = letters.find(letter => letter.direction === 'out')!
    Object.assign(own, { state: 'expired', accepted: null })
    const sent = (await client.sent())[0]!
    Object.assign(sent, { id: own.id, thread: conversation.thread })
    await tab.to(`#/sent/${own.id}`)
    await press(page, 'Show the letter')
    await heading(page, conversation.subject).waitFor()
    await page.locator('article.own summary').click()
    await press(page, 'Write it again')
    await heading(page, 'New letter').waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Letter' }).inputValue(), own.body)
  })

  it('lists the files of what was sent', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const { conversation } = client.opened.find(one =>
      one.letters.some(letter => letter.direction === 'out' && letter.attachments.length > 0)
    )!
    await tab.to(`#/inbox/${conversation.thread}`)
    await page.locator('.own').getByText('who-brings-what.ods').waitFor()
    await tab.shot('sent-files')
  })

  it('says what became of a pinned key, and what is done with letters of a contact', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/contacts/georg%40lund.test')
    await page.getByText('Somebody else may have it').waitFor()
    await tab.shot('key-revoked')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Write')
    await page.getByText('Somebody else may have it').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Send' }).isDisabled(), true)
    await tab.to('#/contacts/fatima%40one.test')
    await page.getByText('Key expired').first().waitFor()
    await press(page, 'Ask their pod now')
    await page.getByText('has shown the key anew').waitFor()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.getByLabel('Wait, unfetched').check()
    await page.getByLabel('Are dropped').check()
    await page.keyboard.press('Escape')
    await page.getByText('Choose somebody').waitFor()
    assert.deepEqual(called(client, 'choosePolicy'), [
      ['choosePolicy', 'fatima@one.test', 'ask'],
      ['choosePolicy', 'fatima@one.test', 'ignore']
    ])
    assert.deepEqual(tab.complaints, [])
  })

  it('tells of a key that another succeeded, and asks where an old key named two', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const [bob, carol] = client.people
    const other = 'ee'.repeat(20)
    const succession = { from: other, atMs: Date.now() - 3 * 86_400_000 }
    Object.assign(bob!, { verified: false, succession })
    Object.assign(carol!, { disputed: other })
    client.acceptKey = async alias => {
      client.calls.push(['acceptKey', alias])
      return Object.assign(carol!, { disputed: null })
    }
    await tab.to('#/contacts/bob%40two.test')
    await page.getByText('They changed their key 3 days ago').waitFor()
    assert.deepEqual(await stage.flaws(page), [])
    await tab.to('#/contacts/carol%40one.test')
    await page.getByText('Two keys: needs your answer').waitFor()
    await tab.shot('key-disputed')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Write')
    await page.getByText('named two others as its successor').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Send' }).isDisabled(), true)
    await page.getByLabel('They told me').check()
    await press(page, 'Keep the pinned key')
    await page.getByText('named two others as its successor').waitFor({ state: 'detached' })
    assert.deepEqual(called(client, 'acceptKey'), [['acceptKey', 'carol@one.test']])
    assert.deepEqual(tab.complaints, [])
  })

  it('has a pod fetch a file ahead, and says how far it is', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const { conversation, letters } = client.opened[1]!
    const letter = letters.findLast(one => one.direction === 'in')!
    const [file] = letter.attachments as ReceivedAttachment[]
    const ahead = { pod: 'one.test', state: 'asking', haveBytes: 0, problem: null } as const
    client.fetchAhead = async (id, index) => {
      client.calls.push(['fetchAhead', id, index])
      return { ...file!, ahead }
    }
    await tab.to(`#/inbox/${conversation.thread}`)
    const row = page.locator('.file-row')
    await row.getByText('in the network, gone').waitFor()
    await row.getByRole('button', { name: 'Have your pod fetch it' }).click()
    await row.getByText('one.test is told what to fetch').waitFor()
    assert.deepEqual(called(client, 'fetchAhead'), [['fetchAhead', letter.id, 0]])
    const { sizeBytes } = file!
    const half = { pod: 'one.test', state: 'fetching', sizeBytes, haveBytes: sizeBytes / 2 }
    client.emit({ type: 'ahead', id: letter.id, index: 0, ...half })
    await row.getByText('one.test fetches it: 50 %').waitFor()
    await tab.shot('file-ahead')
    assert.deepEqual(await stage.flaws(page), [])
    client.emit({ type: 'ahead', id: letter.id, index: 0, ...half, state: 'kept' })
    await row.getByText('one.test has it for you').waitFor()
    assert.deepEqual(tab.complaints, [])
  })

  it('hands out a card that a camera reads, in light and dark', async () => {
    for (const dark of [false, true]) {
      await using tab = await stage.open({ dark })
      const { page } = tab
      await tab.to('#/settings')
      await press(page, 'Show your card')
      const code = page.getByRole('img', { name: 'as a QR code' })
      const link = await readCode(tab, await code.screenshot())
      assert.deepEqual(readJoinLink(link).contact, {
        alias: 'alice@one.test',
        fingerprint: (await tab.client.card()).fingerprint
      })
      await tab.shot(dark ? 'card-dark' : 'card')
      assert.deepEqual(await stage.flaws(page), [])
    }
  })

  it('shows an alarm as it comes, above every place, until it is answered', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const alarms = [alarmOf('alice@one.test')]
    const status = await client.status()
    client.status = async () => ({ ...status, alarms: [...alarms] })
    client.answerAlarms = async alias => {
      client.calls.push(['answerAlarms', alias])
      return alarms.splice(0)
    }
    await heading(page, 'Inbox').waitFor()
    client.emit({ type: 'alarm', alias: 'alice@one.test', what: 'key', shown: null })
    const alarm = page.getByRole('alert').filter({ hasText: 'shows another key' })
    await alarm.waitFor()
    await tab.shot('alarm')
    assert.deepEqual(await stage.flaws(page), [])
    await tab.to('#/settings')
    await heading(page, 'Settings').waitFor()
    await alarm.getByRole('button', { name: 'I have seen it' }).click()
    await alarm.waitFor({ state: 'detached' })
    assert.deepEqual(called(client, 'answerAlarms'), [['answerAlarms', 'alice@one.test']])
    assert.deepEqual(tab.complaints, [])
  })
})
