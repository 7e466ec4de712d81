/**
 * A value that must not be shown. JSON, string templates and `util.inspect` print `[secret]`; only `unwrap` gives the
 * value back, and a lint rule names the files that may call it.
 */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  unwrap(): T {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  /** `util.inspect.custom`, spelt out because the core imports nothing from Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
