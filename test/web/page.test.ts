import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { openTab } from '../support/browser.ts'
import type { PageClient } from '../support/page-client.ts'
import { evil, poison } from '../support/page-hostile.ts'
import { createPageStage, heading, type PageStage } from '../support/page-stage.ts'

describe('the web page, in Chromium', function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  /** Every place, with what is there when it is all there. */
  const places = (
    client: PageClient
  ): [name: string, hash: string, there: (page: Page) => Promise<unknown>][] => {
    const [first, second] = client.opened.map(({ conversation }) => conversation.thread)
    const letter = (page: Page, text: string) => page.getByText(text).first().waitFor()
    const body = (page: Page, text: string) =>
      page.locator('.letter-body').getByText(text).first().waitFor()
    return [
      ['inbox', `#/inbox/${first}`, page => body(page, 'Then let us have lunch')],
      ['letter-markdown', `#/inbox/${second}`, page => body(page, 'at the boathouse')],
      ['write', '#/write?to=bob%40two.test', page => page.getByText('Verified').waitFor()],
      ['sent', '#/sent', page => letter(page, 'Accepted, with receipt')],
      ['contacts', '#/contacts/bob%40two.test', page => page.getByText('You compared').waitFor()],
      [
        'key-changed',
        '#/contacts/emil%40two.test',
        page => letter(page, 'another key than before')
      ],
      ['network', '#/network', page => page.getByRole('img', { name: /on the ring/ }).waitFor()],
      ['settings', '#/settings', page => heading(page, 'Privacy').waitFor()],
      ['search', '#/search?q=rope', page => page.getByText('somebody who brings').waitFor()]
    ]
  }

  it('has no flaw that axe finds, and nothing to complain of, in any place', async () => {
    await using tab = await stage.open()
    for (const [name, hash, there] of places(tab.client)) {
      await tab.to(hash)
      await there(tab.page)
      await tab.shot(name)
      assert.deepEqual(await stage.flaws(tab.page), [], name)
    }
    assert.deepEqual(tab.complaints, [])
  })

  /** Those that have a colour which no other has. */
  const toned = new Set(['letter-markdown', 'sent', 'key-changed', 'network'])

  it('can be read in the dark', async () => {
    await using tab = await stage.open({ dark: true })
    for (const [name, hash, there] of places(tab.client).filter(([name]) => toned.has(name))) {
      await tab.to(hash)
      await there(tab.page)
      await tab.shot(`${name}-dark`)
      assert.deepEqual(await stage.flaws(tab.page, ['color-contrast']), [], name)
    }
  })

  it('fits a phone, without a flaw there either', async () => {
    await using tab = await stage.open({ width: 390, height: 800 })
    for (const [name, hash, there] of places(tab.client).filter(([name]) => name !== 'search')) {
      await tab.to(hash)
      await there(tab.page)
      await tab.shot(`${name}-phone`)
      assert.equal(await stage.tooWidePx(tab.page), 0, name)
      assert.deepEqual(await stage.flaws(tab.page), [], name)
    }
  })

  it('is used with the keyboard alone', async () => {
    await using tab = await stage.open()
    const { page } = tab
    await heading(page, 'Inbox').waitFor()
    await page.getByText('Lunch on Thursday?').first().waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await heading(page, 'Re: Notes from the meeting').waitFor()
    await page.keyboard.press('k')
    await heading(page, 'The boat: what is still missing').waitFor()
    await page.keyboard.press('r')
    await page.getByRole('textbox', { name: 'Letter' }).pressSequentially('j k e')
    assert.equal(await page.getByRole('textbox', { name: 'Letter' }).inputValue(), 'j k e')
    await page.keyboard.press('Control+Enter')
    await page.getByText('On its way.').waitFor()
    const sent = tab.client.calls.find(([name]) => name === 'send')?.[1] as Record<string, unknown>
    assert.deepEqual(
      [sent.to, sent.subject, sent.body, sent.parent],
      [
        'dora.lindqvist@lund.test',
        'Re: The boat: what is still missing',
        'j k e',
        tab.client.opened[1]!.letters[0]!.id
      ]
    )
    await page.keyboard.press('e')
    await page.getByText('Archived.').waitFor()
    assert.equal(tab.client.opened[1]!.conversation.archived, true)
    for (const key of ['g', 'c']) await page.keyboard.press(key)
    const carol = page.getByRole('link').filter({ hasText: 'carol@one.test' })
    await carol.getByText('From your invitation').waitFor()
    for (const [keys, name] of [
      ['g s', 'Sent'],
      ['g c', 'Contacts'],
      ['g n', 'Network'],
      ['g a', 'Archive'],
      ['c', 'New letter']
    ] as const) {
      for (const key of keys.split(' ')) await page.keyboard.press(key)
      await heading(page, name).waitFor()
    }
    await page.locator('body').click({ position: { x: 5, y: 500 } })
    await page.keyboard.press('/')
    assert.equal(
      await page.getByRole('searchbox').evaluate(box => box === document.activeElement),
      true
    )
    await page.locator('body').click({ position: { x: 5, y: 500 } })
    await page.keyboard.press('?')
    await heading(page, 'Keyboard shortcuts').waitFor()
    await tab.shot('shortcuts')
    assert.deepEqual(await stage.flaws(page), [])
    await page.keyboard.press('Escape')
    await heading(page, 'Keyboard shortcuts').waitFor({ state: 'detached' })
    assert.deepEqual(tab.complaints, [])
  })

  it('writes: saves by itself, in Markdown too, and asks before it sends to a changed key', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/write')
    await page.getByLabel('To', { exact: true }).fill('bob@two.test')
    await page.getByLabel('Subject').fill('Rope')
    await page.getByRole('button', { name: 'Markdown' }).click()
    await page.getByRole('textbox', { name: 'Letter' }).fill('**12 m** of it')
    await page.getByText('Draft saved').waitFor()
    const [draft] = client.saved.values()
    assert.deepEqual([draft?.to, draft?.body], ['bob@two.test', '**12 m** of it'])
    await tab.to('#/drafts')
    await page.getByText('12 m').click()
    assert.equal(await page.getByLabel('Subject').inputValue(), 'Rope')
    await page.getByRole('button', { name: 'Preview' }).click()
    assert.equal(await page.locator('.preview strong').textContent(), '12 m')
    await page.getByRole('button', { name: 'Send' }).click()
    await heading(page, 'Sent').waitFor()
    const sent = client.calls.find(([name]) => name === 'send')?.[1] as Record<string, unknown>
    assert.deepEqual(
      [sent.to, sent.subject, sent.mimeType, sent.body, sent.draft],
      ['bob@two.test', 'Rope', 'text/markdown', '**12 m** of it', draft?.id]
    )
    await tab.to('#/write?to=emil%40two.test')
    await page.getByText('has another key than before').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Send' }).isDisabled(), true)
    assert.equal(await page.getByRole('button', { name: 'Pin the new key' }).isDisabled(), true)
    await tab.shot('write-key-changed')
    await page.getByLabel('They told me').check()
    await page.getByRole('button', { name: 'Pin the new key' }).click()
    await page.getByText('is pinned').first().waitFor()
    assert.ok(
      client.calls.some(([name, alias]) => name === 'acceptKey' && alias === 'emil@two.test')
    )
  })

  it('lets no letter reach outside, run anything or look like something else', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    const [bait] = client.opened
    poison(bait!, Date.now())
    await tab.to(`#/inbox/${bait!.conversation.thread}`)
    await page.getByText('written in HTML').waitFor()
    await page.getByText('looks like').first().waitFor()
    await tab.shot('hostile-letter')
    const letters = page.locator('.letter-body')
    assert.equal(
      await letters
        .locator(
          'script, img, iframe, form, input, style, link, meta, base, svg, object, [onclick]'
        )
        .count(),
      0
    )
    const links = await letters
      .locator('a')
      .evaluateAll(all =>
        all.map(a => [
          (a as HTMLAnchorElement).protocol,
          a.getAttribute('rel'),
          (a as HTMLAnchorElement).target
        ])
      )
    assert.ok(links.length >= 4)
    for (const [protocol, rel, target] of links)
      assert.deepEqual(
        [protocol, rel, target],
        ['https:', 'noopener noreferrer nofollow ugc', '_blank']
      )
    const shown = await letters.allTextContents()
    assert.match(shown[0]!, /Invoice/)
    assert.match(shown[0]!, /https:\/\/bank\.example <https:\/\/evil\.example\/pay>/)
    assert.match(
      shown[1]!,
      /bank\.example.*\(evil\.example\).*bank\.example\/evil\.example.*\(evil/
    )
    assert.match(shown[2]!, /U\+202E/)
    assert.doesNotMatch(shown.join(''), /\u202e|\p{Cc}(?<!\n)/u)
    assert.match((await heading(page, /Invoice/).textContent())!, /U\+202E.*U\+200B/)
    assert.equal(await page.evaluate(() => (globalThis as { ran?: number }).ran), undefined)
    assert.deepEqual(await stage.flaws(page), [])
    // Of the document that an HTML letter is read into, which never lives, the browser tells what it would have refused.
    const refusals =
      /^(Applying inline|Setting the document's base URI|Executing inline).*blocked\.$/
    assert.deepEqual(
      tab.complaints.filter(said => !refusals.test(said)),
      []
    )

    // Should a mistake of ours ever let a letter into the page as HTML, the policy still stops it.
    const stopped = await page.evaluate(async from => {
      const refused = new Set<string>()
      const { promise, resolve } = Promise.withResolvers<void>()
      addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        refused.add(effectiveDirective)
        if (['img-src', 'connect-src', 'frame-src'].every(name => refused.has(name))) resolve()
      })
      const put = (tag: 'img' | 'iframe') =>
        document.body.append(Object.assign(document.createElement(tag), { src: `${from}/y` }))
      const tries: (() => unknown)[] = [
        () => (document.body.innerHTML += '<img src=x>'),
        () => (document.createElement('script').textContent = 'globalThis.ran = 12'),
        () => void fetch(`${from}/z`).catch(() => {}),
        () => put('img'),
        () => put('iframe')
      ]
      const thrown = tries.flatMap(attempt => {
        try {
          attempt()
          return []
        } catch (err) {
          return [(err as Error).name]
        }
      })
      await promise
      return { thrown, ran: (globalThis as { ran?: number }).ran }
    }, evil)
    assert.equal(stopped.ran, undefined)
    assert.deepEqual(stopped.thrown, ['TypeError', 'TypeError'])
  })

  it('tells a pod what somebody does, and its operators why one asks to come in', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/contacts/bob%40two.test')
    await page.getByRole('button', { name: 'Report' }).click()
    await page.getByLabel('What it is').selectOption('impersonation')
    await page.getByLabel('In your words').fill('says he is my bank')
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByRole('button', { name: 'Tell them' }).click()
    await page.getByText('two.test was told.').waitFor()
    const told = { alias: 'bob@two.test', kind: 'impersonation', text: 'says he is my bank' }
    assert.deepEqual(client.calls.find(([name]) => name === 'report')?.[1], told)
    await tab.to('#/settings')
    await page.getByLabel('Name', { exact: true }).fill('Ally')
    await page.getByLabel('Pod', { exact: true }).selectOption('two.test')
    await page.getByLabel('A word to its operators').fill('from the choir')
    await page.getByRole('button', { name: 'Take this address' }).click()
    await page.getByText('You have asked for it. The operator decides').waitFor()
    const asked = { alias: 'ally@two.test', note: 'from the choir' }
    assert.deepEqual(client.calls.find(([name]) => name === 'register')?.[1], asked)
    await page.getByLabel('From here: my pod does not learn').check()
    await page.getByText('Saved.').waitFor()
    assert.equal(tab.house.said.notices, 'direct')
    assert.deepEqual(tab.complaints, [])
  })

  it('shows 10,000 conversations with as many rows as can be seen', async () => {
    await using tab = await stage.open({ many: 10_000 })
    const { page } = tab
    await page.getByText('Lunch on Thursday?').first().waitFor()
    const rows = page.locator('.virtual .row')
    for (let seen = '100'; Number(seen) < 10_000; ) {
      await page.locator('.virtual').evaluate(list => list.scrollTo(0, list.scrollHeight))
      const more = page.locator(`.virtual li:not([aria-setsize="${seen}"])`).first()
      await more.waitFor()
      seen = (await more.getAttribute('aria-setsize'))!
      assert.ok((await rows.count()) < 60, `${await rows.count()} rows`)
    }
    await page.locator('.virtual').evaluate(list => list.scrollTo(0, list.scrollHeight))
    await page.getByText('(10000)').waitFor()
    await tab.shot('ten-thousand')
  })

  it('shows what happens as it happens', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await page.getByText('Lunch on Thursday?').first().waitFor()
    const { conversation } = client.opened[3]!
    Object.assign(conversation, { subject: 'News', unread: 1 })
    client.emit({ type: 'opened', letter: 'ab'.repeat(32), from: 'fatima@one.test', ms: 1 })
    await page.getByText('News', { exact: true }).waitFor()
    assert.equal(await page.title(), '(3) Muttr')
  })

  it('keeps the token out of the address, and shows nothing without it', async () => {
    await using tab = await stage.open()
    const { page, served } = tab
    await heading(page, 'Inbox').waitFor()
    assert.doesNotMatch(page.url(), /token|[0-9a-f]{64}/)
    await page.reload()
    await heading(page, 'Inbox').waitFor()
    await using other = await openTab({
      browser: stage.browser,
      url: served.server.url,
      token: 'cd'.repeat(32)
    })
    await other.page.getByText('has a new key').waitFor()
    await other.shot('no-access')
    const bare = await tab.context.newPage()
    await bare.goto(served.server.url)
    await bare.getByText('may see your letters').waitFor()
  })
})
