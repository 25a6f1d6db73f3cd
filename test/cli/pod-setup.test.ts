import assert from 'node:assert/strict'
import { createFakeDoors, muttr, untilPrinted } from '../support/cli.ts'

describe('muttr pod init, up and doctor', () => {
  it('makes a pod, and prints what must be in the DNS', async () => {
    const doors = createFakeDoors()
    const line =
      'pod init --hostname one.test --https acme --email a@one.test --home /p --no-passphrase'
    const ran = await muttr(line, { doors })
    assert.equal(ran.status, 0)
    const { hostname, policy, https, home } = doors.opened[0]![1]
    assert.deepEqual(
      [hostname, policy, https, home],
      ['one.test', 'invite', { mode: 'acme', email: 'a@one.test' }, '/p']
    )
    assert.match(ran.stdout, /_muttr\._tcp\.one\.test\. +SRV +0 0 4420 one\.test/)
    assert.match(ran.stdout, /one\.test\. +A, AAAA +the public addresses of this machine/)
    assert.equal((await muttr('pod init --hostname one.test --policy everybody')).status, 1)
    assert.equal((await muttr('pod init')).status, 1)
  })

  it('refuses what would be of no use', async () => {
    for (const [options, why] of [
      ['--https acme --certificate /c.pem', /--certificate and --key want --https files/],
      ['--https proxy --email a@one.test', /--email wants --https acme/],
      ['--admin', /--admin wants --https/]
    ] as const) {
      const doors = createFakeDoors()
      const ran = await muttr(`pod init --hostname one.test --home /p ${options}`, { doors })
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, why)
      assert.equal(doors.opened.length, 0)
    }
  })

  it('prints no address that lets others in where nobody sits', async () => {
    const ran = await muttr('pod up --home /p --no-passphrase', untilPrinted('up'))
    assert.match(ran.stdout, /page +`muttr page --print` shows its address/)
    assert.doesNotMatch(ran.stdout, /token/)
  })

  it('says what a pod lacks, and ends with 2 when something is bad', async () => {
    const well = await muttr('pod doctor --home /p')
    assert.equal(well.status, 0)
    assert.match(well.stdout, /✓ disk +█████░░░░░ +9 GiB free[\s\S]*1 good, 0 to look at, 0 bad/)
    const ill = await muttr('pod doctor --home /ill')
    assert.equal(ill.status, 2)
    assert.match(ill.stdout, /✗ dns key[^\n]*\n +DNS_OTHER: Publish: x/)
    assert.deepEqual(
      (await muttr('pod doctor --home /ill --json')).objects().map(({ code }) => code),
      [null, 'DNS_OTHER']
    )
  })

  it('runs a pod', async () => {
    const doors = createFakeDoors()
    assert.equal(
      (await muttr('pod up --home /p --no-passphrase', { doors, ...untilPrinted('up') })).status,
      0
    )
    assert.equal(doors.opened[0]![0], 'runPod')
  })
})
