import type { State } from '../../store/state.ts'
import type { ContactStore } from '../contact-store.ts'
import type { Policies } from '../requests/policies.ts'
import type { Self } from '../self.ts'
import type { Courier } from '../send.ts'
import type { Watch } from '../watch.ts'

interface Parts {
  state: State
  self: Pick<Self, 'openCloset'>
  policies: Pick<Policies, 'chosen' | 'choose'>
  contactStore: Pick<ContactStore, 'needed'>
  courier: Pick<Courier, 'wake'>
  watch: Pick<Watch, 'moved'>
}

/** A contact stands under another alias: what was said about the former one holds for it, and what is on its way there goes on. */
export async function afterMove(parts: Parts, from: string, to: string): Promise<void> {
  const { state, self, policies, contactStore, courier, watch } = parts
  const chosen = policies.chosen(from)
  if (chosen && self.openCloset && !policies.chosen(to)) {
    const { policy, fingerprint } = chosen
    await policies.choose({ alias: to, policy, fingerprint }, self.openCloset)
  }
  // A locked client must know whom it writes to.
  const needed = await contactStore.needed(to)
  if (needed.length > 0) await state.write(needed)
  courier.wake(row => row.to === from)
  watch.moved(from)
}
