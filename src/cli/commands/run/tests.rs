use super::*;

#[test]
fn one_word_goes_to_a_shell_and_several_are_run_as_they_are() {
    assert_eq!(argv(&["echo $HOME | wc".to_string()]), ["sh", "-c", "echo $HOME | wc"]);
    assert_eq!(argv(&["echo", "$HOME"].map(str::to_string)), ["echo", "$HOME"]);
}

#[test]
fn a_variable_is_a_name_and_a_value() {
    assert_eq!(variable("A=b=c"), Ok(("A".to_string(), "b=c".to_string())));
    assert!(variable("A").is_err() && variable("=b").is_err());
}
