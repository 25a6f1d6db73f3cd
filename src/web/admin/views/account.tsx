import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { AccountView } from '../../../pod/office/accounts.ts'
import type { Quota } from '../../../pod/office/quotas.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Fingerprint, Trouble } from '../../parts/basics.tsx'
import { Section } from '../../parts/section.tsx'
import { useRun } from '../../parts/use-run.ts'
import { href } from '../../route.ts'
import { size } from '../../text/format.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { isOwner, mayModerate } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Desk, Known, Line, Reason, Table, Time } from '../parts/desk.tsx'
import { save } from '../parts/save.ts'
import { Standing } from './people.tsx'

export function Account({ id }: { id: string }): JSX.Element {
  const path = `pod/accounts/${part(id)}`
  const account = useLoad(() => get<AccountView>(path), [id])
  const name = account.value?.aliases[0]?.name ?? id.slice(0, 8)
  return (
    <Desk title={name} tools={<a href={href('people')}>All people</a>}>
      <Known of={account}>{a => <About path={path} account={a} />}</Known>
    </Desk>
  )
}

const About = ({ path, account: a }: { path: string; account: AccountView }): JSX.Element => (
  <div>
    <Section title="Account" note="What it may do here.">
      <div class="buttons">
        <Standing state={a.state} />
        {a.standing && (
          <span>
            since <Time ms={a.standing.sinceMs} />
            {a.standing.untilMs !== null && (
              <>
                {' '}
                until <Time ms={a.standing.untilMs} />
              </>
            )}
          </span>
        )}
      </div>
      {a.standing?.reason && (
        <p class="quote">
          <Safe text={a.standing.reason} isMultiline />
        </p>
      )}
      {mayModerate() && <Deeds path={path} account={a} />}
    </Section>
    <Section title="Key" note="Of the key that it has now.">
      <Fingerprint hex={a.fingerprint} />
      <p class="hint">
        Here since <Time ms={a.createdMs} />, seen <Time ms={a.seenMs} />.
      </p>
    </Section>
    <Section
      title="Aliases"
      note="One that is taken back is shown as revoked to everybody, and nobody gets it for a year."
    >
      <Aliases account={a} />
    </Section>
    <Section title="Devices" note="That let the pod know where they are.">
      {a.devices.length === 0 ? (
        <p class="hint">None.</p>
      ) : (
        <Table label="Devices" heads={['Device', 'Seen', 'Until']}>
          {a.devices.map(({ device, seenMs, untilMs }) => (
            <tr key={device}>
              <td>
                <code>{device.slice(0, 16)}</code>
              </td>
              <td>
                <Time ms={seenMs} />
              </td>
              <td>
                <Time ms={untilMs} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
    <Section title="Bounds" note="Empty: as everybody.">
      <Bounds key={JSON.stringify(a.quota)} path={path} account={a} />
    </Section>
  </div>
)

function Deeds({ path, account: a }: { path: string; account: AccountView }): JSX.Element {
  const asked = useSignal<'suspend' | 'remove' | null>(null)
  const resume = () => post(`${path}/resume`)
  return (
    <div class="buttons">
      {a.state === 'active' && (
        <Button icon="pause" onClick={() => (asked.value = 'suspend')}>
          Suspend
        </Button>
      )}
      {a.state !== 'active' && (
        <Button icon="play" onClick={() => press(resume, 'Let in again.')}>
          {a.state === 'suspended' ? 'End the suspension' : 'Let in again'}
        </Button>
      )}
      {a.state !== 'removed' && (
        <Button icon="trash" kind="danger" onClick={() => (asked.value = 'remove')}>
          Remove
        </Button>
      )}
      {isOwner() && (
        <Button
          icon="download"
          onClick={() =>
            void attempt(async () =>
              save(await post(`${path}/export`), `${a.account.slice(0, 16)}.json`)
            )
          }
        >
          Export
        </Button>
      )}
      {asked.value === 'suspend' && (
        <Reason
          title="Suspend"
          yes="Suspend"
          hint="They are told."
          withTerm
          onYes={given => done(() => post(`${path}/suspend`, given), 'Suspended.', resume)}
          onClose={() => (asked.value = null)}
        >
          They neither register nor send, and go on receiving.
        </Reason>
      )}
      {asked.value === 'remove' && (
        <Reason
          title="Remove for good"
          yes="Remove"
          hint="They are told."
          onYes={given => done(() => post(`${path}/remove`, given), 'Removed.')}
          onClose={() => (asked.value = null)}
        >
          What waits for them is dropped, which nothing brings back; their aliases rest for a year.
        </Reason>
      )}
    </div>
  )
}

function Aliases({ account: a }: { account: AccountView }): JSX.Element {
  const asked = useSignal<string | null>(null)
  return (
    <>
      {a.aliases.length === 0 ? (
        <p class="hint">None.</p>
      ) : (
        <Table label="Aliases" heads={['Name', 'State', 'Until', '']}>
          {a.aliases.map(({ name, state, untilMs }) => (
            <tr key={name}>
              <td class="wide">
                <Safe text={name} />
              </td>
              <td>{state}</td>
              <td>
                <Time ms={untilMs} />
              </td>
              <td class="row-buttons">
                {mayModerate() && state === 'active' && (
                  <Button kind="danger" onClick={() => (asked.value = name)}>
                    Take back
                  </Button>
                )}
                {mayModerate() && state !== 'active' && (
                  <Button
                    onClick={() =>
                      press(
                        () => post(`pod/aliases/${part(name)}/free`),
                        'Anybody may take it now.'
                      )
                    }
                  >
                    Set free
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {asked.value !== null && (
        <Reason
          title={`Take ${asked.value} back`}
          yes="Take back"
          hint="Everybody who looks the alias up is told."
          onYes={given =>
            done(() => post(`pod/aliases/${part(asked.value!)}/revoke`, given), 'Taken back.')
          }
          onClose={() => (asked.value = null)}
        >
          The pod withdraws its word that this alias is theirs. That cannot be undone.
        </Reason>
      )}
    </>
  )
}

const bounds: readonly (readonly [keyof Quota, string])[] = [
  ['aliases', 'Aliases'],
  ['notices', 'Notices that wait'],
  ['noticeBytes', 'Bytes of them'],
  ['aheadBytes', 'Bytes of files fetched ahead'],
  ['invites', 'Open uses of own invites']
]

function Bounds({ path, account: a }: { path: string; account: AccountView }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const said = useSignal(
    Object.fromEntries(bounds.map(([name]) => [name, a.quota[name]?.toString() ?? '']))
  )
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, async () => {
          const quota = Object.fromEntries(
            bounds.map(([name]) => [name, said.value[name] ? Number(said.value[name]) : null])
          )
          await done(
            () => post(`${path}/quota`, quota),
            'Saved.',
            () => post(`${path}/quota`, a.quota)
          )
        })
      }
    >
      <div class="two">
        {bounds.map(([name, label]) => (
          <Line
            label={label}
            type="number"
            value={said.value[name] ?? ''}
            hint={`Now ${name.endsWith('Bytes') ? size(a.bounds[name]) : a.bounds[name]}`}
            onValue={value => (said.value = { ...said.value, [name]: value })}
          />
        ))}
      </div>
      <Trouble problem={problem} />
      {mayModerate() && (
        <div>
          <Button type="submit" busy={isBusy}>
            Save bounds
          </Button>
        </div>
      )}
    </form>
  )
}
