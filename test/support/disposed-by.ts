/** Makes an object out of parts that live as long as it does; what opened them is no longer in charge. */
export function disposedBy(opened: AsyncDisposableStack): AsyncDisposable {
  const parts = opened.move()
  return { [Symbol.asyncDispose]: () => parts.disposeAsync() }
}
