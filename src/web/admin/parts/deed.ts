import { attempt, tell } from '../../data/toasts.ts'
import { refresh } from '../data/live.ts'

/** Does something and says so; with what takes it back, where something does. What fails is thrown, for the dialog to show. */
export async function done(
  act: () => Promise<unknown>,
  said: string,
  undo?: () => Promise<unknown>
): Promise<void> {
  await act()
  refresh()
  tell(said, undo && (() => void attempt(() => done(undo, 'Undone.'))))
}

/** The same for a button beside which nothing can be shown. */
export const press = (
  act: () => Promise<unknown>,
  said: string,
  undo?: () => Promise<unknown>
): void => void attempt(() => done(act, said, undo))
