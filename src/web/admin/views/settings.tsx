import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { PodSettings } from '../../../api/admin/desk.ts'
import type { PodOverview } from '../../../api/overview.ts'
import type { ProcessView } from '../../../pod/record.ts'
import { nowMs } from '../../clock.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Fingerprint, Trouble } from '../../parts/basics.tsx'
import { Confirm } from '../../parts/confirm.tsx'
import { Section } from '../../parts/section.tsx'
import { useRun } from '../../parts/use-run.ts'
import { apart } from '../../text/format.ts'
import { get, hasCookie, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { isOwner } from '../data/session.ts'
import { done } from '../parts/deed.ts'
import { Choice, Desk, Known, Line } from '../parts/desk.tsx'

export function PodSettingsView(): JSX.Element {
  const settings = useLoad(() => get<PodSettings>('settings'))
  const overview = useLoad(() => get<PodOverview>('pod/overview'))
  const processes = useLoad(() => get<ProcessView[]>('pod/processes'))
  return (
    <Desk title="Settings">
      <div>
        <Section title="Who gets an alias" note="Written to muttr.json; its comments stay.">
          <Known of={settings}>{known => <Form key={JSON.stringify(known)} known={known} />}</Known>
        </Section>
        <Section title="This pod">
          <Known of={overview}>{pod => <About pod={pod} />}</Known>
        </Section>
        {isOwner() && (
          <Section title="Backup" note="Keys, settings, accounts and mailboxes in one sealed file.">
            <Known of={overview}>{pod => <Backup pod={pod} />}</Known>
          </Section>
        )}
        <Section title="Processes" note="All that serve this pod.">
          <Known of={processes}>{all => <Processes all={all} />}</Known>
        </Section>
      </div>
    </Desk>
  )
}

function Form({ known }: { known: PodSettings }): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const said = useSignal(known)
  const say = (change: Partial<PodSettings>) => {
    said.value = { ...said.value, ...change }
  }
  const { policy, federation, accountsMax, mailboxMax, via } = said.value
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, () =>
          done(
            () => post('settings', said.value),
            'Saved: the pod starts again with it.',
            () => post('settings', known)
          )
        )
      }
    >
      <Choice<PodSettings['policy']>
        label="New aliases"
        value={policy}
        options={[
          ['open', 'open: for anybody'],
          ['invite', 'invite: for who has a code'],
          ['approval', 'approval: for whom you let in, too'],
          ['closed', 'closed: for nobody']
        ]}
        onValue={policy => say({ policy })}
      />
      <Choice<PodSettings['federation']>
        label="Other pods"
        value={federation}
        options={[
          ['open', 'open: all but those blocked'],
          ['list', 'list: those allowed'],
          ['closed', 'closed: none']
        ]}
        onValue={federation => say({ federation })}
      />
      <div class="two">
        <Line
          label="Accounts at most"
          type="number"
          value={String(accountsMax)}
          onValue={value => say({ accountsMax: Number(value) })}
        />
        <Line
          label="Notices that wait for one"
          type="number"
          value={String(mailboxMax)}
          onValue={value => say({ mailboxMax: Number(value) })}
        />
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={via}
          onChange={event => say({ via: event.currentTarget.checked })}
        />
        Pass requests of its people on, so that holders do not see who asks
      </label>
      <Trouble problem={problem} />
      {isOwner() && (
        <div class="buttons">
          <Button type="submit" busy={isBusy}>
            Save and start again
          </Button>
        </div>
      )}
      <p class="hint">Everybody is connected again within seconds, and nothing is lost.</p>
    </form>
  )
}

const About = ({ pod }: { pod: PodOverview }): JSX.Element => (
  <dl class="pairs">
    <dt>Hostname</dt>
    <dd>{pod.hostname}</dd>
    <dt>Key</dt>
    <dd>
      <Fingerprint hex={pod.fingerprint} />
    </dd>
    <dt>Escrow</dt>
    <dd>
      {pod.escrow
        ? 'yes: it holds recovery material of its people, and everybody is shown that'
        : 'no: it holds nothing that recovers the keys of its people'}
    </dd>
    <dt>Version</dt>
    <dd>{pod.version}</dd>
  </dl>
)

const Backup = ({ pod }: { pod: PodOverview }): JSX.Element => (
  <>
    <p>
      {pod.backupMs === null
        ? 'No backup was made yet.'
        : `The last one was made ${apart(pod.backupMs, nowMs.value)}.`}
    </p>
    <div>
      <Button
        icon="download"
        onClick={() =>
          void attempt(async () => {
            // Saved as it comes, past this page: it may be large.
            const path = hasCookie()
              ? '/backup'
              : (await post<{ path: string }>('backup/download')).path
            Object.assign(document.createElement('a'), {
              href: `api${path}`,
              download: `${pod.hostname}.muttr-backup`
            }).click()
          })
        }
      >
        Make a backup
      </Button>
    </div>
    <p class="hint">
      Only the twelve words open it. They are shown on the machine of the pod alone:{' '}
      <code>muttr recovery</code>
    </p>
  </>
)

function Processes({ all }: { all: readonly ProcessView[] }): JSX.Element {
  const asked = useSignal<string | null>(null)
  return (
    <>
      <ul class="plain-list">
        {all.map(({ peer, isThis }) => (
          <li key={peer} class="buttons">
            <code class="link-code">{peer}</code>
            {isThis && <span class="chip">answers you</span>}
            {!isThis && isOwner() && (
              <Button kind="danger" onClick={() => (asked.value = peer)}>
                Take off
              </Button>
            )}
          </li>
        ))}
      </ul>
      {asked.value !== null && (
        <Confirm
          title="Take the process off the record"
          yes="Take off"
          no="Cancel"
          onYes={async () => {
            const path = `pod/processes/${part(asked.value!)}/remove`
            await attempt(() => done(() => post(path), 'Taken off.'))
          }}
          onClose={() => (asked.value = null)}
        >
          People do not trust it any more. It comes back by itself when it is started again.
        </Confirm>
      )}
    </>
  )
}
