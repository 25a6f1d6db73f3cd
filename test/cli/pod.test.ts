import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { temporaryFolder } from '../support/store-folder.ts'

/** What a command asked of the pod, and what it printed. */
async function run(command: string, o: Parameters<typeof muttr>[1] = {}) {
  const doors = createFakeDoors()
  const env = { MUTTR_OPERATOR: 'olga' }
  const ran = await muttr(`${command} --home /p`, { doors, env, ...o })
  return { ran, asked: doors.opened.slice(1) }
}

describe('muttr pod, for its operators', () => {
  it('makes invites for many, lists them, and takes one back', async () => {
    const made = await run('pod invite --uses 30 --expires 14d --note choir --json')
    assert.deepEqual(made.asked, [
      ['invite', { uses: 30, lifeMs: 14 * 86_400_000, note: 'choir', by: 'olga' }]
    ])
    const listed = await run('pod invites')
    assert.match(listed.ran.stdout, /3fa9c2d1 {2}open {2,}1 of 3 .* olga .*choir/)
    assert.equal(listed.ran.stdout.includes('\u001b'), false)
    assert.equal((await run('pod invites --json')).ran.objects()[0]?.used, 1)
    const revoked = await run('pod invites revoke 3fa9')
    assert.deepEqual(revoked.asked, [['revokeInvite', { id: '3fa9', by: 'olga' }]])
    assert.match(revoked.ran.stdout, /Taken back: 3fa9c2d1, used 1 of 3 times\./)
    assert.equal((await run('pod invites revoke ffff --json')).ran.error().code, 'INVITE_UNKNOWN')
  })

  it('lists accounts and shows one', async () => {
    const listed = await run('pod accounts mall --state active --limit 1')
    assert.deepEqual(listed.asked, [['accounts', { text: 'mall', state: 'active', limit: 1 }]])
    assert.match(listed.ran.stdout, /abababab {2}active .* 3 \(3\.5 KiB\) .* mallory \(old\)/)
    assert.match(listed.ran.stdout, /There are more: --after ab/)
    const lines = (await run('pod accounts --limit 1 --json')).ran.objects()
    assert.deepEqual([lines[0]?.state, lines[1]], ['active', { next: 'ab' }])
    const shown = await run('pod account mallory')
    assert.match(shown.ran.stdout, /waiting +3 of 5 notices, 3\.5 KiB of 1\.0 MiB/)
    assert.equal((await run('pod accounts --state away')).ran.status, 1)
    assert.equal((await run('pod account nobody --json')).ran.error().code, 'ACCOUNT_UNKNOWN')
  })

  it('suspends with a reason and for a time, and resumes', async () => {
    const { asked, ran } = await run('pod account suspend mallory --reason spam --for 2h')
    assert.deepEqual(asked, [
      ['suspend', { who: 'mallory', reason: 'spam', by: 'olga', lifeMs: 7_200_000 }]
    ])
    assert.match(ran.stdout, /why +spam/)
    assert.equal((await run('pod account suspend mallory')).ran.status, 1)
    const resumed = await run('pod account resume mallory --json')
    assert.deepEqual(resumed.asked, [['resume', { who: 'mallory', by: 'olga' }]])
  })

  it('removes only when it is meant', async () => {
    const refused = await run('pod account remove mallory --reason fraud --json')
    assert.equal(refused.ran.error().code, 'CANCELLED')
    assert.deepEqual(refused.asked, [['account', { who: 'mallory' }]])
    const { asked } = await run('pod account remove mallory --reason fraud --yes')
    assert.deepEqual(asked.at(-1), [
      'remove',
      { who: 'ab'.repeat(32), reason: 'fraud', by: 'olga' }
    ])
  })

  it('sets quotas, and takes them back', async () => {
    const { asked } = await run(
      'pod account quota mallory --notices 5 --ahead-bytes 2GiB --aliases all --invites 0'
    )
    const given = { notices: 5, aheadBytes: 2 ** 31, aliases: null, invites: 0 }
    assert.deepEqual(asked, [['setQuota', { who: 'mallory', ...given, by: 'olga' }]])
    assert.equal((await run('pod account quota mallory')).ran.status, 1)
  })

  it('writes out what is kept of somebody, and never over another file', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'mallory.json')
    const { ran } = await run(`pod account export mallory --out ${file}`)
    assert.match(ran.stdout, /1 rows and 0 notices are in/)
    assert.equal(JSON.parse(await readFile(file, 'utf8')).format, 'muttr pod account 1')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const again = await run(`pod account export mallory --out ${file} --json`)
    assert.equal(again.ran.error().code, 'OUTPUT_EXISTS')
    assert.equal((await run('pod account export mallory --json')).ran.objects()[0]?.pod, 'one.test')
  })

  it('takes the word of the pod back, and ends a quarantine', async () => {
    const revoked = await run('pod alias revoke mallory --reason impostor')
    assert.deepEqual(revoked.asked, [
      ['revokeAlias', { alias: 'mallory', reason: 'impostor', by: 'olga' }]
    ])
    const freed = await run('pod alias free mallory')
    assert.match(freed.ran.stdout, /Anybody may take mallory now\./)
  })

  it('answers those who ask for an alias', async () => {
    const listed = await run('pod requests')
    assert.match(listed.ran.stdout, /cdcdcdcd {2}carol@one\.test {2}waiting .* 192\.0\.2 .*alto/)
    assert.equal(listed.ran.stdout.includes('\u202e'), false)
    assert.deepEqual((await run('pod approve carol')).asked, [
      ['approve', { who: 'carol', by: 'olga' }]
    ])
    assert.deepEqual((await run('pod refuse carol --reason no')).asked, [
      ['refuse', { who: 'carol', reason: 'no', by: 'olga' }]
    ])
  })

  it('shows what people told, and closes it', async () => {
    const listed = await run('pod reports')
    assert.match(listed.ran.stdout, /fafafafa {2}open {2,}mallory@one\.test {2}spam .* 192\.0\.2 /)
    assert.equal(listed.ran.stdout.includes('\u001b'), false)
    const closed = await run('pod reports close fafa --reason done')
    assert.deepEqual(closed.asked, [['closeReport', { id: 'fafa', reason: 'done', by: 'olga' }]])
  })

  it('gives codes to people who may invite', async () => {
    const doors = createFakeDoors()
    const made = await muttr('invite --pod one.test --uses 2 --expires 3d --note choir', { doors })
    assert.match(made.stdout, /link {3}muttr:abc/)
    assert.deepEqual(doors.client.calls.at(-1), [
      'invite',
      { pod: 'one.test', uses: 2, lifeMs: 3 * 86_400_000, note: 'choir' }
    ])
    assert.equal(
      (await muttr('invite --pod away.test --json', { doors })).error().code,
      'ALIAS_MISSING'
    )
  })

  it('is told by anybody about one of its aliases', async () => {
    const doors = createFakeDoors()
    const told = await muttr('report mallory@two.test --kind abuse --text no', { doors })
    assert.match(told.stdout, /Told two\.test about mallory@two\.test\./)
    assert.deepEqual(doors.client.calls.at(-1), [
      'report',
      { alias: 'mallory@two.test', kind: 'abuse', text: 'no' }
    ])
    assert.equal((await muttr('report mallory@two.test --kind boredom', { doors })).status, 1)
    assert.equal((await muttr('report ffffffff --json', { doors })).error().code, 'LETTER_UNKNOWN')
  })

  it('keeps names, and sets rates', async () => {
    assert.match((await run('pod names')).ran.stdout, /nobody here +mayor/)
    assert.deepEqual((await run('pod names reserve mayor council')).asked, [
      ['reserve', { names: ['mayor', 'council'], by: 'olga' }]
    ])
    assert.deepEqual((await run('pod names allow postmaster')).asked[0]?.[0], 'allow')
    assert.match(
      (await run('pod rates')).ran.stdout,
      /noticesPerAccount {2}5 +60 +4000, 72000 an hour/
    )
    const set = await run('pod rates set noticesPerAccount --burst 9 --per-hour 90')
    assert.deepEqual(set.asked, [
      ['setRate', { rate: 'noticesPerAccount', burst: 9, perHour: 90, by: 'olga' }]
    ])
    assert.equal(
      (await run('pod rates set noticesPerAccount --burst 0 --per-hour 1')).ran.status,
      1
    )
    assert.equal((await run('pod rates reset noticesPerAccount')).asked[0]?.[0], 'resetRate')
  })

  it('shows other pods, and says with which it has to do', async () => {
    const listed = await run('pod peers')
    assert.match(listed.ran.stdout, /list: notices of allowed pods alone/)
    assert.match(
      listed.ran.stdout,
      /two\.test +silent +0\.1\.0 +busy +thin udp +12 .*POD_UNREACHABLE {2}8 min/
    )
    const hex = 'AB'.repeat(20)
    assert.deepEqual((await run(`pod peers allow two.test --fingerprint ${hex}`)).asked, [
      ['allowPeer', { hostname: 'two.test', fingerprint: hex.toLowerCase(), by: 'olga' }]
    ])
    const blocked = await run('pod peers block two.test')
    assert.deepEqual(blocked.asked, [['blockPeer', { hostname: 'two.test', by: 'olga' }]])
    assert.match(blocked.ran.stdout, /Blocked: two\.test/)
  })

  it('vouches for the pod of a subdomain, and shows who vouches for this one', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'eu.asc')
    await writeFile(file, 'a certificate')
    const made = await run(`pod certify ${file} --expires 90d`)
    const certificate = { certificate: 'a certificate', lifeMs: 90 * 86_400_000, by: 'olga' }
    assert.deepEqual(made.asked, [['certify', certificate]])
    assert.equal(made.ran.stdout, 'two blocks\n')
    assert.match(made.ran.stderr, /eu\.one\.test, ABAB ABAB/i)
    const shown = await run(`pod parent ${file}`)
    const given = { certificates: 'a certificate', by: 'olga' }
    assert.deepEqual(shown.asked, [['setParent', given]])
    assert.match((await run('pod parent')).ran.stdout, /parent +test\nfingerprint +ABAB/i)
    assert.deepEqual((await run('pod parent --remove')).asked, [['removeParent', { by: 'olga' }]])
    assert.equal((await run(`pod parent ${file} --remove --json`)).ran.error().code, 'USAGE')
    await writeFile(file, 'forged')
    assert.equal((await run(`pod parent ${file} --json`)).ran.error().code, 'SIGNATURE_INVALID')
  })

  it('shows what was done, and whether the chain holds', async () => {
    const listed = await run('pod audit --limit 5 --before 9')
    assert.deepEqual(listed.asked, [['audit', { limit: 5, before: 9 }]])
    assert.match(listed.ran.stdout, /7 .* olga {2}invite\.make {2}3fa9c2d1/)
    const good = await run(`pod audit --verify ${'cd'.repeat(32)}`)
    assert.deepEqual(
      [good.ran.status, good.asked],
      [0, [['checkAudit', { hash: 'cd'.repeat(32) }]]]
    )
    assert.equal((await run(`pod audit --verify ${'ef'.repeat(32)}`)).ran.status, 2)
    assert.equal((await run('pod audit --verify')).ran.status, 0)
    assert.equal((await run('pod audit --verify x')).ran.status, 1)
  })

  it('gets another name, says what to publish, and lets a former one go', async () => {
    const doors = createFakeDoors()
    const shown = await muttr('pod rename --to new.test --home /p', { doors })
    assert.deepEqual(doors.opened, [['renamePod', { home: '/p', what: { to: 'new.test' } }]])
    assert.match(shown.stdout, /answers for +one\.test/)
    assert.match(shown.stdout, /_muttr\._tcp\.new\.test\. +SRV +0 0 4420 new\.test/)
    assert.match(shown.stderr, /leave those of the former name/)
    await muttr('pod rename --forget one.test --home /p --json', { doors })
    assert.deepEqual(doors.opened.at(-1), [
      'renamePod',
      { home: '/p', what: { forget: 'one.test' } }
    ])
    await muttr('pod rename --to new.test --had b.test a.test --home /p --json', { doors })
    assert.deepEqual(doors.opened.at(-1), [
      'renamePod',
      { home: '/p', what: { to: 'new.test', had: ['b.test', 'a.test'] } }
    ])
    assert.equal((await muttr('pod rename --had a.test --home /p')).status, 1)
    assert.equal((await muttr('pod rename --home /p', { doors })).status, 1)
    assert.equal((await muttr('pod rename --to a.test --forget b.test --home /p')).status, 1)
  })

  it('moves where it keeps its accounts, and makes homes for more processes of it', async () => {
    const doors = createFakeDoors()
    const to = 'postgres://muttr@db.test/muttr'
    const moved = await muttr(`pod migrate --to ${to} --home /p`, { doors })
    assert.deepEqual(doors.opened, [['migratePod', { home: '/p', to }]])
    assert.match(moved.stdout, /moved +20000 rows, 40 entries of 3 logs, compared/)
    assert.equal((await muttr('pod migrate --to mysql://x --home /p')).status, 1)
    const listen = ['/ip4/0.0.0.0/tcp/1', '/ip6/::/tcp/1']
    const made = await muttr(`pod member --out /q --listen ${listen.join(' ')} --home /p --json`, {
      doors
    })
    assert.deepEqual(doors.opened.at(-1), ['addPodMember', { home: '/p', out: '/q', listen }])
    assert.deepEqual(made.objects()[0]?.listen, listen)
    const told = await muttr('pod member --out /q --home /p', { doors })
    assert.match(told.stderr, /`pod\.https` is off/)
    const upgraded = await muttr('pod upgrade --undo --home /p --json', { doors })
    assert.deepEqual(doors.opened.at(-1), ['upgradePod', { home: '/p', undo: true }])
    assert.match(upgraded.stdout, /"upgraded":\{"from":1,"to":2,/)
    assert.match((await muttr('pod upgrade --home /new', { doors })).stdout, /nothing to do/)
    const check = await muttr('pod upgrade --check --home /p', { doors })
    assert.match(check.stdout, /1; this program.s is 2[\s\S]*addresses say more[\s\S]*about 9 s/)
    const old = await muttr('pod upgrade --check --home /old', { doors })
    assert.deepEqual([old.status, /STATE_OLD/.test(old.stdout)], [2, true])
    assert.match((await run('pod processes')).ran.stdout, /12D3KooWFake +this one/)
    const { asked } = await run('pod processes remove 12D3KooWOther')
    assert.deepEqual(asked, [['removeProcess', { peer: '12D3KooWOther', by: 'olga' }]])
    assert.equal((await run('pod processes remove 12D3KooWFake --json')).ran.error().code, 'USAGE')
    const drained = await run('pod drain --over 10s --leave --json')
    assert.deepEqual(drained.asked.at(-1), ['drain', { overMs: 10_000, leave: true, by: 'olga' }])
    assert.match((await run('pod drain --cancel')).ran.stdout, /serves again/)
  })
})
