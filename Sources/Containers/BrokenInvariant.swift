// SPDX-License-Identifier: Apache-2.0

/// A promise that a structure makes about itself and does not keep.
///
/// It is a value, so that whoever checks a machine can say at which event and in which trace the
/// promise broke, and can look for a shorter way there. ``InvariantChecks/checkInvariants()`` stops the
/// program with it instead.
public struct BrokenInvariant: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the promise is called: its number in the specifications' lists, such as `S3`, or the name of
  /// the structure that made it.
  public let name: String
  /// The object and the numbers that contradict each other, on one line.
  public let problem: String

  /// Creates the report of a broken promise.
  public init(_ name: String, _ problem: String) {
    self.name = name
    self.problem = problem
  }

  /// Name and problem on one line.
  public var description: String { "\(name): \(problem)" }

  /// Throws unless a promise holds.
  ///
  /// - Throws: the broken promise `name`, with `problem`, which is made only then.
  public static func unless(
    _ holds: Bool,
    _ name: String,
    _ problem: @autoclosure () -> String
  ) throws(BrokenInvariant) {
    if !holds { throw BrokenInvariant(name, problem()) }
  }

  /// Runs checks and stops the program at a promise that does not hold.
  ///
  /// The message appears in release builds too, which those of `precondition` do not. `object` is what
  /// to show below it, and is made only then.
  public static func stop(
    showing object: @autoclosure () -> String = "",
    _ checks: () throws(BrokenInvariant) -> Void
  ) {
    do throws(BrokenInvariant) {
      try checks()
    } catch {
      let object = object()
      fatalError(object.isEmpty ? error.description : "\(error)\n\(object)")
    }
  }
}

/// A structure that can recompute its promises from scratch.
public protocol InvariantChecks: ~Copyable {
  /// Checks every promise.
  ///
  /// - Throws: the first promise that does not hold.
  borrowing func verifyInvariants() throws(BrokenInvariant)
}

extension InvariantChecks where Self: ~Copyable {
  /// Stops the program at the first promise that does not hold.
  public borrowing func checkInvariants() {
    BrokenInvariant.stop { () throws(BrokenInvariant) in try verifyInvariants() }
  }
}
