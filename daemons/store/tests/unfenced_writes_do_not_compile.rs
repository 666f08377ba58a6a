//! The type system knows the fence: what would change state without it does not compile.

#[test]
fn unfenced_writes_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/a_fenced_write_compiles.rs");
    cases.compile_fail("tests/compile_fail/a_store_has_no_writes.rs");
    cases.compile_fail("tests/compile_fail/an_intake_only_appends.rs");
    cases.compile_fail("tests/compile_fail/a_fenced_transaction_is_not_made_by_hand.rs");
    cases.compile_fail("tests/compile_fail/a_committed_transaction_is_gone.rs");
}
